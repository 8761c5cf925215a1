/* Makes the disk of a process fail below a folder, for tests of broken disks: LD_PRELOAD=fail_writes.so.
 *
 *   MB_FAIL_FOLDER   writes, syncs and opens for writing of files whose path begins with this fail
 *   MB_FAIL_ERRNO    a file that holds the number of the error; while it is missing or empty nothing fails.
 *                    EMFILE fails opens alone, also those for reading. With "r" in front of the number reads fail, and
 *                    nothing else.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum access { READING, WRITING, OPENING, OPENING_TO_READ };

/* The error that holds now for an access; 0: none. */
static int wanted(enum access access)
{
	const char *path = getenv("MB_FAIL_ERRNO");
	char text[16];
	if (path == NULL)
		return 0;
	int file = REAL(open)(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return 0;
	ssize_t length = REAL(read)(file, text, sizeof text - 1);
	REAL(close)(file);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	if (text[0] == 'r')
		return access == READING ? atoi(text + 1) : 0;
	int error = atoi(text);
	if (error == EMFILE)
		return access == OPENING || access == OPENING_TO_READ ? error : 0;
	return access == WRITING || access == OPENING ? error : 0;
}

static int is_below(const char *path)
{
	const char *folder = getenv("MB_FAIL_FOLDER");
	return folder != NULL && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

/* Sets errno and returns 1 when an access to this file fails. */
static int fails(int file, enum access access)
{
	char link[64], path[PATH_MAX];
	snprintf(link, sizeof link, "/proc/self/fd/%d", file);
	ssize_t length = readlink(link, path, sizeof path - 1);
	if (length < 0)
		return 0;
	path[length] = '\0';
	if (!is_below(path))
		return 0;
	int error = wanted(access);
	if (error == 0)
		return 0;
	errno = error;
	return 1;
}

#define DEFINE_OPEN(name) \
	int name(const char *path, int flags, ...) \
	{ \
		va_list rest; \
		va_start(rest, flags); \
		mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
		va_end(rest); \
		if (is_below(path)) { \
			int writes = flags & (O_WRONLY | O_RDWR | O_CREAT); \
			int error = wanted(writes ? OPENING : OPENING_TO_READ); \
			if (error != 0) { \
				errno = error; \
				return -1; \
			} \
		} \
		return REAL(name)(path, flags, mode); \
	}

#define DEFINE(access, result, name, parameters, arguments) \
	result name parameters \
	{ \
		return fails(file, access) ? -1 : REAL(name) arguments; \
	}
#define DEFINE_WRITE(...) DEFINE(WRITING, __VA_ARGS__)
#define DEFINE_READ(...) DEFINE(READING, __VA_ARGS__)

DEFINE_OPEN(open)
DEFINE_OPEN(open64)
DEFINE_WRITE(ssize_t, write, (int file, const void *data, size_t length), (file, data, length))
DEFINE_WRITE(ssize_t, writev, (int file, const struct iovec *data, int count), (file, data, count))
DEFINE_WRITE(ssize_t, pwrite, (int file, const void *data, size_t length, off_t at), (file, data, length, at))
DEFINE_WRITE(ssize_t, pwrite64, (int file, const void *data, size_t length, off64_t at), (file, data, length, at))
DEFINE_WRITE(ssize_t, pwritev, (int file, const struct iovec *data, int count, off_t at), (file, data, count, at))
DEFINE_WRITE(int, fsync, (int file), (file))
DEFINE_WRITE(int, fdatasync, (int file), (file))
DEFINE_WRITE(int, ftruncate, (int file, off_t length), (file, length))
DEFINE_WRITE(int, ftruncate64, (int file, off64_t length), (file, length))
DEFINE_READ(ssize_t, read, (int file, void *data, size_t length), (file, data, length))
DEFINE_READ(ssize_t, readv, (int file, const struct iovec *data, int count), (file, data, count))
DEFINE_READ(ssize_t, pread, (int file, void *data, size_t length, off_t at), (file, data, length, at))
DEFINE_READ(ssize_t, pread64, (int file, void *data, size_t length, off64_t at), (file, data, length, at))
DEFINE_READ(ssize_t, preadv, (int file, const struct iovec *data, int count, off_t at), (file, data, count, at))
DEFINE_READ(ssize_t, preadv64, (int file, const struct iovec *data, int count, off64_t at), (file, data, count, at))
