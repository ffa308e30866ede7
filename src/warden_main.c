/* orchmake-warden: started by orchmake, never by hand. */
#include "sys/calls.h"
#include "warden/warden.h"

int main(int argc, char **argv)
{
	return warden_main(argc, argv, &calls_real);
}
