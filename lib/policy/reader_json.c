/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/reader_json.h"

#include "base/error.h"
#include "base/str.h"
#include "policy/duration.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- complaints ------------------------------------------------------------------------------ */

struct pointer {
    char *text;
    size_t len, room;
};

static void add_char(struct pointer *pointer, char c)
{
    if (pointer->len + 1 < pointer->room)
        pointer->text[pointer->len++] = c;
    pointer->text[pointer->len] = '\0';
}

/* RFC 6901 section 3: '~' and '/' inside a key are escaped.  Keys are the user's: no controls in a log line. */
static void add_key(struct pointer *pointer, const char *key)
{
    add_char(pointer, '/');
    for (; *key != '\0'; key++) {
        if (*key == '~' || *key == '/') {
            add_char(pointer, '~');
            add_char(pointer, *key == '~' ? '0' : '1');
        } else {
            add_char(pointer, clientid__is_control((unsigned char)*key) ? '?' : *key);
        }
    }
}

static void add_node(struct pointer *pointer, const struct clientid__node *node)
{
    char index[24];

    if (node->parent == NULL)
        return;
    add_node(pointer, node->parent);
    if (node->key != NULL) {
        add_key(pointer, node->key);
        return;
    }
    snprintf(index, sizeof(index), "%zu", node->index);
    add_key(pointer, index);
}

static void set_error(clientid_error *error, int code, const struct clientid__node *node,
                      const char *format, va_list args) __attribute__((format(printf, 4, 0)));
static void set_error(clientid_error *error, int code, const struct clientid__node *node,
                      const char *format, va_list args)
{
    struct pointer pointer = {error->pointer, 0, sizeof(error->pointer)};

    error->code = code;
    error->line = 0;
    error->column = 0;
    error->pointer[0] = '\0';
    add_node(&pointer, node);
    vsnprintf(error->text, sizeof(error->text), format, args);
}

int clientid__node_fail(const struct clientid__node *node, const char *format, ...)
{
    va_list args;

    if (node->reader->error == NULL)
        return CLIENTID_ERR_CONFIG;
    va_start(args, format);
    set_error(node->reader->error, CLIENTID_ERR_CONFIG, node, format, args);
    va_end(args);
    return CLIENTID_ERR_CONFIG;
}

int clientid__node_fail_key(const struct clientid__node *object, const char *key,
                            const char *format, ...)
{
    struct clientid__node node = {object->reader, object, key, 0, NULL};
    va_list args;

    if (object->reader->error == NULL)
        return CLIENTID_ERR_CONFIG;
    va_start(args, format);
    set_error(object->reader->error, CLIENTID_ERR_CONFIG, &node, format, args);
    va_end(args);
    return CLIENTID_ERR_CONFIG;
}

static void fill_warning(clientid_error *warning, const struct clientid__node *node,
                         const char *format, ...) __attribute__((format(printf, 3, 4)));
static void fill_warning(clientid_error *warning, const struct clientid__node *node,
                         const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_error(warning, 0, node, format, args);
    va_end(args);
}

void clientid__node_warn(const struct clientid__node *object, const char *key, const char *text)
{
    const struct clientid__reader *reader = object->reader;
    struct clientid__node node = {reader, object, key, 0, NULL};
    clientid_error warning = {.code = 0};

    if (reader->warn == NULL)
        return;
    fill_warning(&warning, &node, "%s", text);
    snprintf(warning.file, sizeof(warning.file), "%s", reader->name);
    reader->warn(reader->warn_self, &warning);
}

/* ---- structure ------------------------------------------------------------------------------- */

bool clientid__node_child(const struct clientid__node *object, const char *key,
                          struct clientid__node *out)
{
    json_t *value = json_object_get(object->value, key);

    if (value == NULL || json_is_null(value))
        return false;
    *out = (struct clientid__node){object->reader, object, key, 0, value};
    return true;
}

struct clientid__node clientid__node_item(const struct clientid__node *array, size_t index)
{
    return (struct clientid__node){array->reader, array, NULL, index,
                                   json_array_get(array->value, index)};
}

int clientid__node_expect(const struct clientid__node *node, json_type type, const char *what)
{
    if (json_typeof(node->value) == type)
        return 0;
    return clientid__node_fail(node, "expected %s", what);
}

enum { NAME_MAX_DISTANCE = 3, COMPARED_MAX = 63 };

/* Edit distance, letters without regard to case; names longer than COMPARED_MAX are far from everything. */
static unsigned distance(clientid_str a, clientid_str b)
{
    unsigned row[COMPARED_MAX + 1];

    if (a.len > COMPARED_MAX || b.len > COMPARED_MAX)
        return COMPARED_MAX;
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned same = clientid__lower((unsigned char)a.ptr[i - 1]) ==
                            clientid__lower((unsigned char)b.ptr[j - 1]);
            unsigned best = diagonal + !same;

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.len];
}

static const char *nearest(const char *key, const struct clientid__key *table, size_t count,
                           unsigned where)
{
    unsigned least = NAME_MAX_DISTANCE + 1;
    const char *name = NULL;

    for (size_t i = 0; i < count; i++) {
        unsigned far;

        if ((table[i].where & where) == 0)
            continue;
        far = distance(clientid__cstr(key), clientid__cstr(table[i].name));
        if (far < least && far < strlen(table[i].name)) {
            least = far;
            name = table[i].name;
        }
    }
    return name;
}

static const struct clientid__key *find_key(const char *key, const struct clientid__key *table,
                                            size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, key) == 0)
            return &table[i];
    return NULL;
}

int clientid__node_keys(const struct clientid__node *object, const struct clientid__key *table,
                        size_t count, unsigned where)
{
    const char *key, *suggestion;
    json_t *value;

    json_object_foreach(object->value, key, value)
    {
        const struct clientid__key *known = find_key(key, table, count);

        if (known != NULL && (known->where & where) != 0)
            continue;
        if (known != NULL)
            return clientid__node_fail_key(object, key, "this key does not apply here");
        suggestion = nearest(key, table, count, where);
        if (suggestion != NULL)
            return clientid__node_fail_key(object, key, "unknown key, did you mean \"%s\"",
                                           suggestion);
        return clientid__node_fail_key(object, key, "unknown key");
    }
    return 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

clientid_str clientid__node_text(const struct clientid__node *node)
{
    return clientid__str(json_string_value(node->value), json_string_length(node->value));
}

int clientid__read_bool(const struct clientid__node *object, const char *key, bool *out)
{
    struct clientid__node node;

    if (!clientid__node_child(object, key, &node))
        return 0;
    if (!json_is_boolean(node.value))
        return clientid__node_fail(&node, "expected true or false");
    *out = json_is_true(node.value);
    return 0;
}

int clientid__read_integer(const struct clientid__node *object, const char *key, uint64_t min,
                           uint64_t max, uint64_t *out)
{
    struct clientid__node node;
    json_int_t value;

    if (!clientid__node_child(object, key, &node))
        return 0;
    value = json_integer_value(node.value);
    if (!json_is_integer(node.value) || value < 0 || (uint64_t)value < min || (uint64_t)value > max)
        return clientid__node_fail(&node, "expected an integer from %llu to %llu",
                                   (unsigned long long)min, (unsigned long long)max);
    *out = (uint64_t)value;
    return 0;
}

int clientid__read_text(const struct clientid__node *object, const char *key, clientid_str *out)
{
    struct clientid__node node;

    if (!clientid__node_child(object, key, &node))
        return 0;
    if (json_string_length(node.value) == 0)
        return clientid__node_fail(&node, "expected a string that is not empty");
    *out = clientid__node_text(&node);
    return 0;
}

static int fail_choice(const struct clientid__node *node, const char *const *names)
{
    char list[160] = "";
    size_t len = 0;

    for (size_t i = 0; names[i] != NULL && len < sizeof(list); i++)
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s\"%s\"", i > 0 ? ", " : "",
                                names[i]);
    return clientid__node_fail(node, "expected one of %s", list);
}

int clientid__read_choice(const struct clientid__node *object, const char *key,
                          const char *const *names, unsigned *out)
{
    struct clientid__node node;

    if (!clientid__node_child(object, key, &node))
        return 0;
    for (unsigned i = 0; json_is_string(node.value) && names[i] != NULL; i++) {
        if (strcmp(json_string_value(node.value), names[i]) == 0) {
            *out = i;
            return 0;
        }
    }
    return fail_choice(&node, names);
}

int clientid__read_duration(const struct clientid__node *object, const char *key, uint64_t *ns)
{
    struct clientid__node node;

    if (!clientid__node_child(object, key, &node))
        return 0;
    if (!json_is_string(node.value) ||
        clientid__duration_parse(clientid__node_text(&node), ns) != 0)
        return clientid__node_fail(&node,
                                   "expected a string such as \"500ms\", \"30s\", \"5m\", \"1h\" "
                                   "or \"30d\"");
    return 0;
}
