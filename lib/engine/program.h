/* Whether there is a program, before anybody tries to start it. */
#ifndef ENGINE_PROGRAM_H
#define ENGINE_PROGRAM_H

/*
 * 0 if argv[0] may be there, else the errno with which starting it would fail: looked for as the warden does,
 * in the PATH of envp unless it has a slash, and from cwd on.
 */
int program_missing(const char *const *argv, const char *const *envp, const char *cwd);

#endif
