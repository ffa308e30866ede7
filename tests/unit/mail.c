/* Messages as they travel. */
#include "base/bug.h"
#include "check.h"
#include "doc/json.h"
#include "store/mail.h"

static const struct mail plain = {
	.from = "me@example.org", .to = "you@example.org", .subject = "Hello", .body = "Hi\n", .id = "abc",
	.date = "2026-01-02T03:04:05.000Z",
};

/* The whole message, or the complaint; the caller releases. */
static struct buf written(const struct mail *m)
{
	struct buf out = BUF_INIT;
	struct fault f = FAULT_INIT;

	if (!mail_write(&out, m, &f)) {
		buf_reset(&out);
		buf_puts(&out, f.text.data);
	}
	fault_release(&f);
	return out;
}

static void is_written(const struct mail *m, const char *want)
{
	struct buf got = written(m);

	CHECK_STR(got.data, want);
	buf_release(&got);
}

/* The line of that header is among those of the message. */
static void has(const struct mail *m, const char *part)
{
	struct buf got = written(m);

	if (!strstr(got.data, part))
		fail_msg("no\n%s\nin\n%s", part, got.data);
	buf_release(&got);
}

static void a_plain_message_is_plain(void **state)
{
	(void)state;
	is_written(&plain, "Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n"
			   "From: me@example.org\r\n"
			   "To: you@example.org\r\n"
			   "Subject: Hello\r\n"
			   "Message-ID: <abc@example.org>\r\n"
			   "MIME-Version: 1.0\r\n"
			   "Content-Type: text/plain; charset=utf-8\r\n"
			   "Content-Transfer-Encoding: 7bit\r\n"
			   "\r\n"
			   "Hi\r\n");
}

static void words_that_are_not_ascii_are_encoded(void **state)
{
	struct mail m = plain;

	(void)state;
	m.subject = "Grüße";
	has(&m, "\r\nSubject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n");
	m.subject = "=?UTF-8?B?eA==?="; /* would be taken for one */
	has(&m, "\r\nSubject: =?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=\r\n");
	m.subject = "ääääääääääääääääääääääääääääää"; /* 60 bytes: whole characters in each word */
	has(&m, "\r\nSubject: =?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6Q=?=\r\n"
		" =?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpA==?=\r\n");
	m.to = "Jürgen <j@example.org>, \"Doe, \\\"J\\\"\" <d@example.org>,x@example.org";
	has(&m, "\r\nTo: =?UTF-8?B?SsO8cmdlbg==?= <j@example.org>,\r\n \"Doe, \\\"J\\\"\" <d@example.org>,\r\n x@example.org\r\n");
}

static void a_long_subject_is_folded_between_words(void **state)
{
	struct mail m = plain;

	(void)state;
	m.subject = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen";
	has(&m, "\r\nSubject: one two three four five six seven eight nine ten eleven twelve\r\n thirteen fourteen fifteen\r\n");
}

static void every_line_is_short_whatever_comes(void **state)
{
	struct buf subject = BUF_INIT, body = BUF_INIT, got;
	struct mail m = plain;

	(void)state;
	buf_pad(&subject, 'x', 5000);
	for (int i = 0; i < 3000; i++)
		buf_puts(&body, i % 7 ? "long = ä. " : "word");
	m.subject = subject.data;
	m.body = body.data;
	got = written(&m);
	for (const char *p = got.data; *p;) {
		size_t n = strcspn(p, "\r");

		CHECK(n <= 76);
		CHECK(!memchr(p, '\n', n));
		CHECK_INT(p[n + 1], '\n');
		p += n + 2;
	}
	buf_release(&subject);
	buf_release(&body);
	buf_release(&got);
}

static void a_body_travels_unchanged(void **state)
{
	struct mail m = plain;

	(void)state;
	m.body = "Grüße = x \n.\nFrom me\n\tx\t\r\nlast\rend";
	has(&m, "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
		"Gr=C3=BC=C3=9Fe =3D x=20\r\n=2E\r\n=46rom me\r\n\tx=09\r\nlast\r\nend\r\n");
	m.body = "";
	has(&m, "\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\r\n");
	m.body = "<html>x</html>";
	m.is_html = true;
	has(&m, "\r\nContent-Type: text/html; charset=utf-8\r\n");
}

static void no_value_makes_a_header(void **state)
{
	static const char said[] = " has a line break in it, which could make a header of its own";
	struct mail m = plain;
	char want[200];

	(void)state;
	m.subject = "Hi\r\nBcc: all@example.org";
	snprintf(want, sizeof(want), "'subject'%s", said);
	is_written(&m, want);
	m = plain;
	m.to = "you@example.org\nBcc: all@example.org";
	snprintf(want, sizeof(want), "'to'%s", said);
	is_written(&m, want);
	m = plain;
	m.from = "Me\r <me@example.org>";
	snprintf(want, sizeof(want), "the sender%s", said);
	is_written(&m, want);
	m = plain;
	m.subject = "bell\a";
	is_written(&m, "'subject' has a control character in it, which could make a header of its own");
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const wrong[] = {"you", "@example.org", "you@", "a b@example.org", "you@example.org,", "-oQ/tmp@x",
					    "a@b@c", "<a@b", "a@b>", "a;b@c", "\"a@b\"", "Name a@b <>"};
	struct mail m = plain;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct buf got;

		m.to = wrong[i];
		got = written(&m);
		if (!strstr(got.data, "is no mail address"))
			fail_msg("%s is taken: %s", wrong[i], got.data);
		buf_release(&got);
	}
	m.to = "jürgen@example.org";
	is_written(&m, "'to': 'jürgen@example.org' is no mail address (only ASCII ones are known)");
}

static void the_bare_addresses_are_for_a_program(void **state)
{
	struct buf out = BUF_INIT;
	struct fault f = FAULT_INIT;

	(void)state;
	CHECK_INT(mail_addresses(&out, "A <a@x>, b@y", "'to'", &f), 2);
	CHECK_INT(out.len, 8);
	CHECK(!memcmp(out.data, "a@x\0b@y\0", 8));
	CHECK_INT(mail_addresses(&out, "b", "'to'", &f), 0);
	CHECK_STR(f.text.data, "'to': 'b' is no mail address");
	fault_release(&f);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_message_is_plain),
		cmocka_unit_test(words_that_are_not_ascii_are_encoded),
		cmocka_unit_test(a_long_subject_is_folded_between_words),
		cmocka_unit_test(every_line_is_short_whatever_comes),
		cmocka_unit_test(a_body_travels_unchanged),
		cmocka_unit_test(no_value_makes_a_header),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(the_bare_addresses_are_for_a_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
