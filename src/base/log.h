/* Logging: one line an event, the object first. Library code never logs; processes and their services do. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/* Severity, in syslog's order so that a journal understands the `<N>` prefix. */
enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/*
 * Says where lines go: `process` (borrowed, lives for the program) names the writer; lines above `level` are dropped;
 * `fd` is written with one write(2) a line. With `journal` lines start with `<N>` for systemd's journal.
 */
void log_open(const char *process, int fd, enum log_level level, int journal);

/* Changes what is dropped. */
void log_set_level(enum log_level level);

/*
 * Writes "TIME process object: text". `object` is what the line is about ("router edge", "vm red/vm1"); NULL when it is the process
 * itself. Control bytes in the text are written as '?', a longer line than 1,024 bytes is cut.
 */
void log_write(enum log_level level, const char *object, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define log_error(object, ...) log_write(LOG_LEVEL_ERROR, object, __VA_ARGS__)
#define log_warning(object, ...) log_write(LOG_LEVEL_WARNING, object, __VA_ARGS__)
#define log_notice(object, ...) log_write(LOG_LEVEL_NOTICE, object, __VA_ARGS__)
#define log_info(object, ...) log_write(LOG_LEVEL_INFO, object, __VA_ARGS__)
#define log_debug(object, ...) log_write(LOG_LEVEL_DEBUG, object, __VA_ARGS__)

#endif
