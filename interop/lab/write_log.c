/* Logs what a process writes below a folder, for tests of power cuts: LD_PRELOAD=write_log.so.
 *
 *   MB_WRITE_LOG_FOLDER   files whose path begins with this are logged, and syncs of the folder itself
 *   MB_WRITE_LOG          the log; records are appended in the order in which the calls returned
 *
 * A record is a struct record and `length` octets: of a write its data, of open and unlink the path.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct record {
	int32_t operation; /* o open, w write, t truncate, s sync, u unlink, c close */
	int32_t file;      /* the descriptor; -1 where there is none */
	int64_t offset;    /* of a write; the new size of a truncate; 1 for an open that made the file */
	int64_t length;
};

enum { most_files = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char watched[most_files];
static int log_file = -2;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t write_all(int file, const void *data, size_t length)
{
	static ssize_t (*real)(int, const void *, size_t);
	if (real == NULL)
		real = REAL(write);
	for (size_t done = 0; done < length;) {
		ssize_t more = real(file, (const char *)data + done, length - done);
		if (more < 0)
			abort();
		done += (size_t)more;
	}
	return (ssize_t)length;
}

static void record(int operation, int file, int64_t offset, const void *data, size_t length)
{
	int error = errno;
	if (log_file == -2) {
		const char *path = getenv("MB_WRITE_LOG");
		log_file = path == NULL ? -1 : REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	}
	if (log_file >= 0) {
		struct record head = { operation, file, offset, (int64_t)length };
		write_all(log_file, &head, sizeof head);
		write_all(log_file, data, length);
	}
	errno = error;
}

static int is_watched_path(const char *path)
{
	const char *folder = getenv("MB_WRITE_LOG_FOLDER");
	return folder != NULL && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_watched(int file)
{
	return file >= 0 && file < most_files && watched[file];
}

static int opened(int file, const char *path, int made)
{
	if (file >= 0 && file < most_files) {
		watched[file] = 1;
		record('o', file, made, path, strlen(path));
	}
	return file;
}

/* open and open64 are one: files here are smaller than 2 GiB. */
#define DEFINE_OPEN(name) \
	int name(const char *path, int flags, ...) \
	{ \
		va_list rest; \
		va_start(rest, flags); \
		mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
		va_end(rest); \
		if (!is_watched_path(path)) \
			return REAL(name)(path, flags, mode); \
		pthread_mutex_lock(&lock); \
		int made = (flags & O_CREAT) != 0 && access(path, F_OK) != 0; \
		int file = opened(REAL(name)(path, flags, mode), path, made); \
		pthread_mutex_unlock(&lock); \
		return file; \
	}
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

int close(int file)
{
	if (!is_watched(file))
		return REAL(close)(file);
	pthread_mutex_lock(&lock);
	watched[file] = 0;
	record('c', file, 0, "", 0);
	int result = REAL(close)(file);
	pthread_mutex_unlock(&lock);
	return result;
}

ssize_t write(int file, const void *data, size_t length)
{
	if (!is_watched(file))
		return REAL(write)(file, data, length);
	pthread_mutex_lock(&lock);
	off_t offset = lseek(file, 0, SEEK_CUR);
	ssize_t done = REAL(write)(file, data, length);
	if (done > 0)
		record('w', file, offset, data, (size_t)done);
	pthread_mutex_unlock(&lock);
	return done;
}

#define DEFINE_PWRITE(name, offset_type) \
	ssize_t name(int file, const void *data, size_t length, offset_type offset) \
	{ \
		if (!is_watched(file)) \
			return REAL(name)(file, data, length, offset); \
		pthread_mutex_lock(&lock); \
		ssize_t done = REAL(name)(file, data, length, offset); \
		if (done > 0) \
			record('w', file, offset, data, (size_t)done); \
		pthread_mutex_unlock(&lock); \
		return done; \
	}
DEFINE_PWRITE(pwrite, off_t)
DEFINE_PWRITE(pwrite64, off64_t)

#define DEFINE_TRUNCATE(name, size_type) \
	int name(int file, size_type size) \
	{ \
		if (!is_watched(file)) \
			return REAL(name)(file, size); \
		pthread_mutex_lock(&lock); \
		int result = REAL(name)(file, size); \
		if (result == 0) \
			record('t', file, size, "", 0); \
		pthread_mutex_unlock(&lock); \
		return result; \
	}
DEFINE_TRUNCATE(ftruncate, off_t)
DEFINE_TRUNCATE(ftruncate64, off64_t)

#define DEFINE_SYNC(name) \
	int name(int file) \
	{ \
		if (!is_watched(file)) \
			return REAL(name)(file); \
		pthread_mutex_lock(&lock); \
		int result = REAL(name)(file); \
		if (result == 0) \
			record('s', file, 0, "", 0); \
		pthread_mutex_unlock(&lock); \
		return result; \
	}
DEFINE_SYNC(fsync)
DEFINE_SYNC(fdatasync)

int unlink(const char *path)
{
	if (!is_watched_path(path))
		return REAL(unlink)(path);
	pthread_mutex_lock(&lock);
	int result = REAL(unlink)(path);
	if (result == 0)
		record('u', -1, 0, path, strlen(path));
	pthread_mutex_unlock(&lock);
	return result;
}

/* The log cannot tell what a rename does to a crash image: nothing that is tested renames. */
int rename(const char *from, const char *to)
{
	if (is_watched_path(from) || is_watched_path(to))
		abort();
	return REAL(rename)(from, to);
}
