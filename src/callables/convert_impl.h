/* Conversions that convert_find() names and that have files of their own, and what those share. */
#ifndef CALLABLES_CONVERT_IMPL_H
#define CALLABLES_CONVERT_IMPL_H

#include "callables/convert.h"

/* convert.c */
convert_fn to_words, to_lower;
/* Nothing but white space. */
bool is_blank(const char *s);

/* convert_address.c: JMAP's [{name, email}] */
convert_fn to_address, to_name, to_addresses;

/* convert_body.c: what is in a mail, as Gmail and Microsoft Graph tell it */
convert_fn to_header, to_gmail_body, to_gmail_attached, to_graph_body;

#endif
