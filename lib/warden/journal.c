#include "warden/journal.h"

#include "base/crc.h"

_Static_assert(sizeof(struct journal_record) == 32, "a record is 32 bytes");

uint32_t journal_checksum(const struct journal_record *r, uint64_t nonce)
{
	uint32_t half[2];

	journal_put64(half, nonce);
	return ~crc_add(crc_add(~0u, half, sizeof(half)), &r->type, sizeof(*r) - offsetof(struct journal_record, type));
}

int journal_writer_init(struct journal_writer *w, const struct calls *c, int fd, uint64_t nonce)
{
	w->nonce = nonce;
	return records_init(&w->records, c, fd, sizeof(struct journal_record));
}

int journal_append(struct journal_writer *w, struct journal_record *r)
{
	r->crc = journal_checksum(r, w->nonce);
	return records_append(&w->records, r);
}
