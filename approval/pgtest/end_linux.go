package pgtest

import "syscall"

// endWithTests ends the server with the test binary, also where that is killed.
func endWithTests(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }
