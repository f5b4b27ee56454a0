/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_SAML_H
#define SUPPORT_SAML_H

/* An identity provider: keys that live as long as the test, and responses signed with them. */
#include <clientid/types.h>

#include <openssl/evp.h>

struct support_saml_key {
    EVP_PKEY *key;
    char *certificate; /* PEM */
};

/* |kind|: "RSA:2048", "EC:P-256", "ED25519".  The certificate is valid for the next |days|, or was until so many ago. */
void support_saml_key_new(struct support_saml_key *out, const char *kind, int days);
void support_saml_key_del(struct support_saml_key *key);

/* |text| with the first |find| replaced by |put|; fails when there is none.  Free what is returned. */
char *support_saml_replace(const char *text, const char *find, const char *put);
/* From the first |from| to the end of the next |to|. */
char *support_saml_cut(const char *text, const char *from, const char *to);

/*
 * A template of a signature over the element with that ID.  Signed is a text in which every template is filled
 * in, the innermost first; signatures that are made already stay.
 */
char *support_saml_template(const char *id, const char *method);
char *support_saml_sign(const char *text, const struct support_saml_key *key);

char *support_saml_base64(const char *text, size_t len);

#endif
