/* Whether there is a program, before anybody tries to start it. */
#ifndef ENGINE_PROGRAM_H
#define ENGINE_PROGRAM_H

/*
 * 0 if argv[0] may be there, else the errno with which starting it would fail, and in *ret_stage at what.  It is
 * looked for as the warden does: in the PATH of envp unless it has a slash, and from cwd on, which has to be there.
 */
int program_missing(const char *const *argv, const char *const *envp, const char *cwd, const char **ret_stage);

#endif
