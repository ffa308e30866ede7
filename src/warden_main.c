/* orchmake-warden: started by orchmake, never by hand. */
#include "sys/calls.h"
#include "warden/warden.h"

int main(void)
{
	return warden_main(&calls_real);
}
