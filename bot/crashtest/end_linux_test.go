package crashtest

import "syscall"

// endWithTests ends a process with the test binary, also where that is killed.
func endWithTests(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
