package audit

const StartQuery = startQuery
