/* Operating errors that a person will read: a negative errno and one line of text that says what to do. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Longest text of an error with its NUL, bytes. */
#define ERR_TEXT_BYTES 512

/* An error to fill in. `code` is 0 or a negative errno; `text` is a sentence without newline. */
struct err {
	int code;
	char text[ERR_TEXT_BYTES];
};

/*
 * Fills `err` (which may be NULL) with `code` (a negative errno) and a formatted text; a longer text is cut. err->text may be an argument.
 * Returns `code`, so that callers can write `return err_set(err, -ENOENT, "...")`.
 */
int err_set(struct err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "`prefix`: " in front of the text of `err`; returns err->code. `err` may be NULL (returns -EIO then). */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
