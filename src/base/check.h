/* Assertions that stay on: a programmer error ends the process and the supervisor starts it again. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

/* Prints `file:line: expression` to stderr and aborts. Never returns. */
_Noreturn void check_failed(const char *file, int line, const char *expression);

/* Aborts the process when `cond` is false. For states that the program itself guarantees, never for input. */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))

/* Number of elements of an array (not of a pointer). */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The object of type `type` whose member `member` is at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
