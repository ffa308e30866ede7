#include <sys/prctl.h>
#include <sys/socket.h>

#include "sys/closed.h"
#include "warden/warden.h"
#include "warden/wire.h"

int warden_main(const struct calls *c)
{
	enum { EXIT_USE = 64, EXIT_SYSTEM = 71 };
	struct warden_options o = {
		.calls = c, .socket = WIRE_FD_SOCKET, .journal = WIRE_FD_JOURNAL, .give_up_ms = WARDEN_GIVE_UP_MS};
	struct wire_hello h;

	/* Nothing that a user does to the driver's group or session reaches us; the end of the driver ends us. */
	closed_to_signals();
	if (recv(o.socket, &h, sizeof(h), MSG_DONTWAIT) != sizeof(h) || h.version != WIRE_VERSION || !h.slots ||
	    h.slots > WARDEN_STEPS)
		return EXIT_USE;
	o.slots = h.slots;
	o.finish = h.finish;
	o.nonce = h.nonce;
	/* What the driver handed over is held until the end and seen by no step. */
	closed_on_exec(WIRE_FD_SOCKET);
	return c->prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || warden_run(&o) < 0 ? EXIT_SYSTEM : 0;
}
