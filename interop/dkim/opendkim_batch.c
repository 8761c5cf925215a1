/* Signs and verifies with libopendkim.
 *
 *   opendkim_batch KEYFILE    keys, one a line: name, a space, the record
 *
 * Requests on standard input:   verify LENGTH\n and the message
 *                               sign DOMAIN SELECTOR HEADER BODY KEYLENGTH LENGTH\n, the private key and the message
 * Answers on standard output:   a line: pass, or what is wrong; for sign: "field " and the value in hexadecimal
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <opendkim/dkim.h>

static unsigned char *read_octets(size_t length)
{
	unsigned char *octets = malloc(length + 1);
	if (octets == NULL || fread(octets, 1, length, stdin) != length)
		exit(1);
	octets[length] = '\0';
	return octets;
}

static DKIM_STAT feed(DKIM *dkim, unsigned char *message, size_t length)
{
	DKIM_STAT status = dkim_chunk(dkim, message, length);
	if (status == DKIM_STAT_OK)
		status = dkim_chunk(dkim, NULL, 0);
	return status == DKIM_STAT_OK ? dkim_eom(dkim, NULL) : status;
}

static void verify(DKIM_LIB *library, size_t length)
{
	unsigned char *message = read_octets(length);
	DKIM_STAT status;
	DKIM *dkim = dkim_verify(library, (unsigned char *) "batch", NULL, &status);
	DKIM_SIGINFO **signatures;
	int count = 0;
	status = feed(dkim, message, length);
	if (status != DKIM_STAT_OK) {
		const char *why = dkim_geterror(dkim);
		printf("%s: %s\n", dkim_getresultstr(status), why == NULL ? "" : why);
	} else if (dkim_getsiglist(dkim, &signatures, &count) != DKIM_STAT_OK || count == 0) {
		printf("none\n");
	} else {
		int failed = -1;
		for (int index = 0; index < count; index++)
			if (!DKIM_SIG_CHECK(signatures[index]))
				failed = index;
		if (failed < 0)
			printf("pass\n");
		else
			printf("signature %d: %s\n", failed, dkim_sig_geterrorstr(dkim_sig_geterror(signatures[failed])));
	}
	dkim_free(dkim);
	free(message);
}

static dkim_canon_t canonicalization(const char *name)
{
	return strcmp(name, "simple") == 0 ? DKIM_CANON_SIMPLE : DKIM_CANON_RELAXED;
}

static void sign(DKIM_LIB *library, char *domain, char *selector, const char *header, const char *body,
                 size_t key_length, size_t length)
{
	unsigned char *key = read_octets(key_length);
	unsigned char *message = read_octets(length);
	DKIM_STAT status;
	DKIM *dkim = dkim_sign(library, (unsigned char *) "batch", NULL, key, (unsigned char *) selector,
	                       (unsigned char *) domain, canonicalization(header), canonicalization(body),
	                       DKIM_SIGN_RSASHA256, -1, &status);
	unsigned char *field = NULL;
	size_t field_length = 0;
	if (dkim != NULL && (status = feed(dkim, message, length)) == DKIM_STAT_OK)
		status = dkim_getsighdr_d(dkim, strlen(DKIM_SIGNHEADER) + 2, &field, &field_length);
	if (status != DKIM_STAT_OK) {
		printf("%s\n", dkim_getresultstr(status));
	} else {
		printf("field ");
		for (size_t at = 0; at < field_length; at++)
			printf("%02x", field[at]);
		printf("\n");
	}
	if (dkim != NULL)
		dkim_free(dkim);
	free(key);
	free(message);
}

int main(int count, char **arguments)
{
	DKIM_LIB *library = dkim_init(NULL, NULL);
	dkim_query_t method = DKIM_QUERY_FILE;
	char line[1024], domain[256], selector[64], header[16], body[16];
	size_t length, key_length;
	if (count != 2 || library == NULL)
		return 2;
	dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_QUERYMETHOD, &method, sizeof method);
	dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_QUERYINFO, arguments[1], strlen(arguments[1]));
	while (fgets(line, sizeof line, stdin) != NULL) {
		if (sscanf(line, "verify %zu", &length) == 1)
			verify(library, length);
		else if (sscanf(line, "sign %255s %63s %15s %15s %zu %zu", domain, selector, header, body, &key_length, &length) == 6)
			sign(library, domain, selector, header, body, key_length, length);
		else
			return 2;
		fflush(stdout);
	}
	dkim_close(library);
	return 0;
}
