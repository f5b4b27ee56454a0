/* SPDX-License-Identifier: Apache-2.0 */
#include "extract/base64.h"

#include "base/str.h"
#include "support_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Bit by bit, another way than the decoder. */
static size_t encode(const unsigned char *in, size_t len, char *out)
{
    size_t n = 0;

    for (size_t bit = 0; bit < len * 8; bit += 6) {
        unsigned v = 0;
        for (size_t b = bit; b < bit + 6; b++)
            v = v << 1 | (b < len * 8 ? in[b / 8] >> (7 - b % 8) & 1u : 0u);
        out[n++] = alphabet[v];
    }
    while (n % 4 != 0)
        out[n++] = '=';
    return n;
}

static void rows(void **state)
{
    static const struct {
        const char *name, *text, *bytes; /* |bytes| NULL: refused */
        unsigned flags;
    } table[] = {
        /* RFC 4648 section 10 */
        {"vector 0", "", "", 0},
        {"vector 1", "Zg==", "f", 0},
        {"vector 2", "Zm8=", "fo", 0},
        {"vector 3", "Zm9v", "foo", 0},
        {"vector 4", "Zm9vYg==", "foob", 0},
        {"vector 5", "Zm9vYmE=", "fooba", 0},
        {"vector 6", "Zm9vYmFy", "foobar", 0},
        {"both specials", "+/+/", "\xfb\xff\xbf", 0},
        {"url-safe minus", "-_-_", NULL, 0},
        {"non-zero bits under one =", "Zm9=", NULL, 0},
        {"non-zero bits under two =", "Zh==", NULL, 0},
        {"one = is missing", "Zg=", NULL, 0},
        {"both = are missing", "Zg", NULL, 0},
        {"= is missing", "Zm8", NULL, 0},
        {"one character left over", "Zm9vY", NULL, 0},
        {"one character", "Z", NULL, 0},
        {"only padding", "====", NULL, 0},
        {"three =", "Z===", NULL, 0},
        {"too much padding", "Zm9v====", NULL, 0},
        {"one = too many", "Zm8==", NULL, 0},
        {"padding in the middle", "Zg==Zg==", NULL, 0},
        {"space inside", "Zm 9v", NULL, 0},
        {"space instead of a character", "Zm9 ", NULL, 0},
        {"line break", "Zm9v\r\nYmFy", NULL, 0},
        {"high byte", "Zm9\xe9", NULL, 0},
        {"bad first of a tail", "*g==", NULL, 0},
        {"bad third of a tail", "Zm*=", NULL, 0},
        {"missing padding accepted by option, 2", "Zg", "f", CLIENTID__BASE64_UNPADDED},
        {"missing padding accepted by option, 3", "Zm8", "fo", CLIENTID__BASE64_UNPADDED},
        {"padding still accepted", "Zm8=", "fo", CLIENTID__BASE64_UNPADDED},
        {"half the padding never", "Zg=", NULL, CLIENTID__BASE64_UNPADDED},
        {"one left over never", "Zm9vY", NULL, CLIENTID__BASE64_UNPADDED},
        {"unused bits, also unpadded", "Zh", NULL, CLIENTID__BASE64_UNPADDED},
        {"unused bits, also unpadded, 3", "Zm9", NULL, CLIENTID__BASE64_UNPADDED},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        clientid_str text = support_guard(table[i].text, strlen(table[i].text));
        char out[64];
        ptrdiff_t want = table[i].bytes != NULL ? (ptrdiff_t)strlen(table[i].bytes) : -1;
        ptrdiff_t got = clientid__base64_decode(text, table[i].flags, out);
        if (got != want || (want > 0 && memcmp(out, table[i].bytes, (size_t)want) != 0))
            fail_msg("%s: %td", table[i].name, got);
        support_guard_free(text);
    }
}

/* As many texts are accepted as there are bytes to say: none has two spellings. */
static void one_spelling_each(void **state)
{
    unsigned one = 0, two = 0;
    char text[4], out[8];
    (void)state;

    for (unsigned v = 0; v < 1u << 18; v++) {
        text[0] = alphabet[v >> 12 & 63], text[1] = alphabet[v >> 6 & 63];
        text[2] = alphabet[v & 63], text[3] = '=';
        two += clientid__base64_decode(clientid__str(text, 4), 0, out) == 2;
        if (v < 1u << 12) {
            text[0] = alphabet[v >> 6], text[1] = alphabet[v & 63], text[2] = '=';
            one += clientid__base64_decode(clientid__str(text, 4), 0, out) == 1;
        }
    }
    assert_int_equal(one, 1 << 8);
    assert_int_equal(two, 1 << 16);
}

static void every_byte_in_every_place(void **state)
{
    (void)state;
    for (size_t place = 0; place < 8; place++) {
        for (int c = 0; c < 256; c++) {
            char text[] = "QUJDREVG", out[16];
            bool in_alphabet = c != 0 && strchr(alphabet, c) != NULL;
            text[place] = (char)c;
            if (place == 7 && c == '=') /* 'F' has unused bits */
                in_alphabet = false;
            assert_int_equal(clientid__base64_decode(clientid__str(text, 8), 0, out),
                             in_alphabet ? 6 : -1);
        }
    }
}

static void decodes_what_was_encoded(void **state)
{
    (void)state;
    srand(20);
    for (int round = 0; round < 5000; round++) {
        unsigned char bytes[64];
        char text[96], out[100];
        size_t len = (size_t)rand() % sizeof(bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (unsigned char)rand();
        size_t n = encode(bytes, len, text);
        assert_true(clientid__base64_room(n) >= len);
        if (clientid__base64_decode(clientid__str(text, n), 0, out) != (ptrdiff_t)len ||
            memcmp(out, bytes, len) != 0)
            fail_msg("seed 20, round %d", round);
        while (n > 0 && text[n - 1] == '=')
            n--;
        assert_int_equal(
            clientid__base64_decode(clientid__str(text, n), CLIENTID__BASE64_UNPADDED, out), len);
    }
}

/* Decoding writes no more than base64_room said, also when it fails. */
static void stays_in_its_room(void **state)
{
    (void)state;
    for (size_t len = 0; len < 40; len++) {
        char text[40], out[64];
        memset(text, 'A', sizeof(text));
        memset(out, '!', sizeof(out));
        clientid__base64_decode(clientid__str(text, len), CLIENTID__BASE64_UNPADDED, out);
        for (size_t i = clientid__base64_room(len); i < sizeof(out); i++)
            assert_int_equal(out[i], '!');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(one_spelling_each),
        cmocka_unit_test(every_byte_in_every_place),
        cmocka_unit_test(decodes_what_was_encoded),
        cmocka_unit_test(stays_in_its_room),
    };
    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
