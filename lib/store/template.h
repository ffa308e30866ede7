/*
 * Templates for messages: a small, closed part of Jinja's language.
 *
 *	{{ name }}  {{ a.b.0.c }}		a variable: keys and list positions between dots
 *	{{ name | default("x") | upper }}	filters: default, upper, lower, trim, title, join, length
 *	{% for x in list %} ... {% endfor %}	loop.index, loop.index0, loop.first, loop.last, loop.length
 *	{% if x %} {% elif not y %} {% else %} {% endif %}	a == b, a != b
 *	{# comment #}				`-` inside a tag's ends takes the blanks there away: {%- ... -%}
 *
 * Conditions also know and, or, not and brackets.  A variable that does not exist is an error where its text is
 * wanted, and false in a condition.  Null is an empty text, true and false are True and False as Jinja has them.
 * One line end at the very end of the template is dropped.  A value is data: braces in it mean nothing.
 */
#ifndef STORE_TEMPLATE_H
#define STORE_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "store/fault.h"

/* Filled with vars, appended to out.  False with a complaint that begins with line:column. */
bool template_fill(struct buf *out, const char *text, const json_t *vars, struct fault *f);

#endif
