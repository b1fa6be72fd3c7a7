/* Options whose values have a form of their own, those that only some libraries have, and the calls with lengths for
 * options of a context. */
#define ZMQ_BUILD_DRAFT_API
#include "check.h"

enum { INT_MIN_VALUE = -2147483647 - 1, INT_MAX_VALUE = 2147483647 };

static void draft_ints (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_XSUB), *p = sock (ctx, ZMQ_PUSH);
    /* BUSY_POLL: what reading answers is in differences.c. */
    static const int any[] = {0, 1, 100, -1, INT_MAX_VALUE, INT_MIN_VALUE};
    for (size_t i = 0; i < COUNT (any); i++) {
        set_int (p, ZMQ_BUSY_POLL, any[i]);
        set_int (s, ZMQ_XSUB_VERBOSE_UNSUBSCRIBE, any[i]);
    }
    int64_t wide = 1;
    CHECK_ERRNO (zmq_setsockopt (p, ZMQ_BUSY_POLL, &wide, 8), EINVAL);
    CHECK_ERRNO (zmq_setsockopt (p, ZMQ_BUSY_POLL, NULL, 0), EINVAL);
    int value = 1;
    size_t size = sizeof value;
    CHECK_ERRNO (zmq_getsockopt (s, ZMQ_XSUB_VERBOSE_UNSUBSCRIBE, &value, &size), EINVAL);
    CHECK_ERRNO (zmq_setsockopt (p, ZMQ_XSUB_VERBOSE_UNSUBSCRIBE, &value, sizeof value), EINVAL);
    for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++) {
        void *other = sock (ctx, type);
        /* Everybody may ask whether notices are on; only two types can have them. */
        CHECK_INT (get_int (other, ZMQ_ROUTER_NOTIFY), 0);
        int takes = type == ZMQ_ROUTER || type == ZMQ_REP;
        CHECK_INT (zmq_setsockopt (other, ZMQ_ROUTER_NOTIFY, &value, sizeof value), takes ? 0 : -1);
        CHECK_INT (get_int (other, ZMQ_ROUTER_NOTIFY), takes);
    }
    finish (ctx);
}

static void topics_count (const char *on)
{
    void *ctx = ctx_new ();
    for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++) {
        void *s = sock (ctx, type);
        uint64_t value = UINT64_MAX;
        size_t size = sizeof value;
        int one = 1;
        CHECK_ERRNO (zmq_setsockopt (s, ZMQ_TOPICS_COUNT, &one, sizeof one), EINVAL);
        if (type == ZMQ_PUB || type == ZMQ_SUB || type == ZMQ_XPUB || type == ZMQ_XSUB) {
            CHECK_INT (zmq_getsockopt (s, ZMQ_TOPICS_COUNT, &value, &size), 0);
            CHECK (size == 4 && (value & 0xFFFFFFFF) == 0);
            size = 3;
            CHECK_ERRNO (zmq_getsockopt (s, ZMQ_TOPICS_COUNT, &value, &size), EINVAL);
        } else
            CHECK_ERRNO (zmq_getsockopt (s, ZMQ_TOPICS_COUNT, &value, &size), EINVAL);
    }
    finish (ctx);
}

static void metadata (const char *on)
{
    char longest[300];
    memset (longest, 'n', sizeof longest);
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PUSH);
    static const char *const bad[] = {":", "key:", ":value", "keyvalue", "", "key:value", "x-key:value", "X-key:"};
    for (size_t i = 0; i < COUNT (bad); i++)
        CHECK_ERRNO (zmq_setsockopt (s, ZMQ_METADATA, bad[i], strlen (bad[i])), EINVAL);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_METADATA, NULL, 0), EINVAL);
    set_text (s, ZMQ_METADATA, "X-key:value");
    set_text (s, ZMQ_METADATA, "X-key:again");
    set_text (s, ZMQ_METADATA, "X-colon:a:b");
    memcpy (longest, "X-", 2);
    memcpy (longest + 255, ":v", 2);
    CHECK_INT (zmq_setsockopt (s, ZMQ_METADATA, longest, 257), 0);
    memcpy (longest + 255, "n:v", 3);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_METADATA, longest, 258), EINVAL);
    size_t size = sizeof longest;
    CHECK_ERRNO (zmq_getsockopt (s, ZMQ_METADATA, longest, &size), EINVAL);
    finish (ctx);
}

/* Messages that the library sends or hands up for the application: any bytes, on any type, never read back. */
static void messages_to_order (const char *on)
{
    static const int list[] = {ZMQ_HELLO_MSG, ZMQ_DISCONNECT_MSG, ZMQ_HICCUP_MSG};
    char large[1000] = "x";
    void *ctx = ctx_new ();
    for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++) {
        void *s = sock (ctx, type);
        for (size_t i = 0; i < COUNT (list); i++) {
            size_t size = sizeof large;
            CHECK_ERRNO (zmq_getsockopt (s, list[i], large, &size), EINVAL);
            set_text (s, list[i], "H");
            CHECK_INT (zmq_setsockopt (s, list[i], large, sizeof large), 0);
            CHECK_INT (zmq_setsockopt (s, list[i], "", 0), 0);
            CHECK_INT (zmq_setsockopt (s, list[i], NULL, 0), 0);
        }
    }
    finish (ctx);
}

static void socks_login (const char *on)
{
    static const int list[] = {ZMQ_SOCKS_USERNAME, ZMQ_SOCKS_PASSWORD};
    char longest[256];
    memset (longest, 'x', sizeof longest);
    longest[255] = 0;
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PUSH);
    for (size_t i = 0; i < COUNT (list); i++) {
        check_text (s, list[i], "", 1);
        CHECK_INT (zmq_setsockopt (s, list[i], longest, 255), 0);
        check_text (s, list[i], longest, 256);
        CHECK_ERRNO (zmq_setsockopt (s, list[i], longest, 256), EINVAL);
        CHECK_INT (zmq_setsockopt (s, list[i], "", 0), 0);
        check_text (s, list[i], "", 1);
        set_text (s, list[i], "somebody");
        CHECK_INT (zmq_setsockopt (s, list[i], NULL, 0), 0);
        check_text (s, list[i], "", 1);
    }
    finish (ctx);
}

/* Options of a transport or a mechanism that a library was built without are unknown to it. */
static void not_built (const char *on)
{
    static const struct {
        const char *has;
        int option;
    } table[] = {
      {"vmci", ZMQ_VMCI_BUFFER_SIZE},     {"vmci", ZMQ_VMCI_BUFFER_MIN_SIZE},
      {"vmci", ZMQ_VMCI_BUFFER_MAX_SIZE}, {"vmci", ZMQ_VMCI_CONNECT_TIMEOUT},
      {"gssapi", ZMQ_GSSAPI_SERVER},      {"gssapi", ZMQ_GSSAPI_PRINCIPAL},
      {"gssapi", ZMQ_GSSAPI_PLAINTEXT},   {"gssapi", ZMQ_GSSAPI_SERVICE_PRINCIPAL},
      {"gssapi", ZMQ_GSSAPI_PRINCIPAL_NAMETYPE},
      {"gssapi", ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE},
      {"curve", ZMQ_CURVE_SERVER},        {"curve", ZMQ_CURVE_PUBLICKEY},
      {"curve", ZMQ_CURVE_SECRETKEY},     {"curve", ZMQ_CURVE_SERVERKEY},
      {"WSS", ZMQ_WSS_KEY_PEM},           {"WSS", ZMQ_WSS_CERT_PEM},
      {"WSS", ZMQ_WSS_TRUST_PEM},         {"WSS", ZMQ_WSS_HOSTNAME},
      {"WSS", ZMQ_WSS_TRUST_SYSTEM},      {"norm", ZMQ_NORM_MODE},
      {"norm", ZMQ_NORM_UNICAST_NACK},    {"norm", ZMQ_NORM_BUFFER_SIZE},
      {"norm", ZMQ_NORM_SEGMENT_SIZE},    {"norm", ZMQ_NORM_BLOCK_SIZE},
      {"norm", ZMQ_NORM_NUM_PARITY},      {"norm", ZMQ_NORM_NUM_AUTOPARITY},
      {"norm", ZMQ_NORM_PUSH},
    };
    char buffer[64] = {1};
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PUB);
    for (size_t i = 0; i < COUNT (table); i++) {
        if (zmq_has (table[i].has))
            continue;
        snprintf (check_name, sizeof check_name, "not_built (%d)", table[i].option);
        static const size_t sizes[] = {4, 8, 32, 41};
        for (size_t j = 0; j < COUNT (sizes); j++) {
            size_t size = sizes[j];
            CHECK_ERRNO (zmq_setsockopt (s, table[i].option, buffer, size), EINVAL);
            CHECK_ERRNO (zmq_getsockopt (s, table[i].option, buffer, &size), EINVAL);
        }
        CHECK_ERRNO (zmq_setsockopt (s, table[i].option, NULL, 0), EINVAL);
    }
    snprintf (check_name, sizeof check_name, "not_built");
    finish (ctx);
}

static void curve_options (const char *on)
{
    if (!zmq_has ("curve"))
        SKIP ("the library has no CURVE");
    static const char text[] = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
    static const int list[] = {ZMQ_CURVE_PUBLICKEY, ZMQ_CURVE_SECRETKEY, ZMQ_CURVE_SERVERKEY};
    uint8_t key[32], back[32];
    char shown[41];
    void *ctx = ctx_new ();
    CHECK (zmq_z85_decode (key, text) != NULL);
    for (size_t i = 0; i < COUNT (list); i++) {
        void *s = sock (ctx, ZMQ_DEALER);
        size_t size = 41;
        CHECK_INT (zmq_getsockopt (s, list[i], shown, &size), 0);
        CHECK (size == 41 && !strcmp (shown, "0000000000000000000000000000000000000000"));
        for (size_t form = 0; form < 3; form++) {
            const void *value = form ? (const void *) text : key;
            CHECK_INT (zmq_setsockopt (s, list[i], value, form ? 39 + form : 32), 0);
            CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_CURVE);
            size = 32;
            CHECK_INT (zmq_getsockopt (s, list[i], back, &size), 0);
            CHECK (size == 32 && !memcmp (key, back, 32));
            size = 41;
            CHECK_INT (zmq_getsockopt (s, list[i], shown, &size), 0);
            CHECK (!strcmp (shown, text));
        }
        static const size_t wrong[] = {0, 4, 31, 33, 39, 42, 123};
        char long_text[128] = {0};
        for (size_t j = 0; j < COUNT (wrong); j++)
            CHECK_ERRNO (zmq_setsockopt (s, list[i], long_text, wrong[j]), EINVAL);
        memset (long_text, '"', 40);
        CHECK_ERRNO (zmq_setsockopt (s, list[i], long_text, 41), EINVAL);
        static const size_t rooms[] = {4, 31, 33, 40, 42};
        for (size_t j = 0; j < COUNT (rooms); j++) {
            size = rooms[j];
            CHECK_ERRNO (zmq_getsockopt (s, list[i], long_text, &size), EINVAL);
        }
    }
    void *s = sock (ctx, ZMQ_DEALER);
    CHECK_INT (get_int (s, ZMQ_CURVE_SERVER), 0);
    set_int (s, ZMQ_CURVE_SERVER, 1);
    CHECK_INT (get_int (s, ZMQ_CURVE_SERVER), 1);
    CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_CURVE);
    set_int (s, ZMQ_CURVE_SERVER, 0);
    CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_NULL);
    int two = 2;
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_CURVE_SERVER, &two, sizeof two), EINVAL);
    finish (ctx);
}

static void filters_of_ipv6 (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_TCP_ACCEPT_FILTER, "::1/128", 7), EINVAL);
    set_int (s, ZMQ_IPV6, 1);
    set_text (s, ZMQ_TCP_ACCEPT_FILTER, "::1/128");
    set_text (s, ZMQ_TCP_ACCEPT_FILTER, "fe80::/10");
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_TCP_ACCEPT_FILTER, "::1/129", 7), EINVAL);
    finish (ctx);
}

static void device_names_of_four_bytes (const char *on)
{
    /* As long as an int, and a name all the same. */
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
    set_text (s, ZMQ_BINDTODEVICE, "eth0");
    check_text (s, ZMQ_BINDTODEVICE, "eth0", 5);
    CHECK_INT (zmq_setsockopt (s, ZMQ_BINDTODEVICE, "sixteen-bytes-ok", 16), 0);
    check_text (s, ZMQ_BINDTODEVICE, "sixteen-bytes-ok", 17);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_BINDTODEVICE, "", 0), EINVAL);
    finish (ctx);
}

static void context_ext (const char *on)
{
    static const int ints[] = {ZMQ_IO_THREADS, ZMQ_MAX_SOCKETS, ZMQ_THREAD_SCHED_POLICY, ZMQ_MAX_MSGSZ,
                               ZMQ_ZERO_COPY_RECV, ZMQ_IPV6, ZMQ_BLOCKY};
    void *ctx = ctx_new ();
    for (size_t i = 0; i < COUNT (ints); i++) {
        int one = 1, value = 77;
        size_t size = sizeof value;
        CHECK_INT (zmq_ctx_set_ext (ctx, ints[i], &one, sizeof one), 0);
        CHECK_INT (zmq_ctx_get_ext (ctx, ints[i], &value, &size), 0);
        CHECK_INT (value, 1);
        int64_t wide = 1;
        CHECK_ERRNO (zmq_ctx_set_ext (ctx, ints[i], &wide, 8), EINVAL);
        CHECK_ERRNO (zmq_ctx_set_ext (ctx, ints[i], &wide, 3), EINVAL);
        size = 8;
        CHECK_ERRNO (zmq_ctx_get_ext (ctx, ints[i], &wide, &size), EINVAL);
        int minus = -1;
        CHECK_ERRNO (zmq_ctx_set_ext (ctx, ints[i], &minus, sizeof minus), EINVAL);
    }
    int value = 0;
    size_t size = sizeof value;
    CHECK_INT (zmq_ctx_get_ext (ctx, ZMQ_SOCKET_LIMIT, &value, &size), 0);
    CHECK_INT (value, 65535);
    CHECK_INT (zmq_ctx_get_ext (ctx, ZMQ_MSG_T_SIZE, &value, &size), 0);
    CHECK_INT (value, 64);
    CHECK_ERRNO (zmq_ctx_get (ctx, ZMQ_THREAD_AFFINITY_CPU_ADD), EINVAL);
    CHECK_ERRNO (zmq_ctx_get (ctx, ZMQ_THREAD_AFFINITY_CPU_REMOVE), EINVAL);
    CHECK_ERRNO (zmq_ctx_set_ext (NULL, ZMQ_IPV6, &value, sizeof value), EFAULT);
    CHECK_ERRNO (zmq_ctx_get_ext (NULL, ZMQ_IPV6, &value, &size), EFAULT);
    finish (ctx);
}

static void thread_name_prefix (const char *on)
{
    void *ctx = ctx_new ();
    char name[16] = {0};
    size_t size = sizeof name;
    CHECK_INT (zmq_ctx_get (ctx, ZMQ_THREAD_NAME_PREFIX), 0);
    CHECK_INT (zmq_ctx_set_ext (ctx, ZMQ_THREAD_NAME_PREFIX, "MyPrefix9012345\0", 16), 0);
    CHECK_INT (zmq_ctx_get_ext (ctx, ZMQ_THREAD_NAME_PREFIX, name, &size), 0);
    CHECK (!memcmp (name, "MyPrefix9012345\0", 16));
    CHECK_ERRNO (zmq_ctx_set_ext (ctx, ZMQ_THREAD_NAME_PREFIX, "seventeen bytes !", 17), EINVAL);
    CHECK_ERRNO (zmq_ctx_set_ext (ctx, ZMQ_THREAD_NAME_PREFIX, "", 0), EINVAL);
    size = 15;
    CHECK_ERRNO (zmq_ctx_get_ext (ctx, ZMQ_THREAD_NAME_PREFIX, name, &size), EINVAL);
    finish (ctx);
}

CHECK_MAIN (CASE (draft_ints), CASE (topics_count), CASE (metadata), CASE (messages_to_order), CASE (socks_login),
            CASE (not_built), CASE (curve_options), CASE (filters_of_ipv6), CASE (device_names_of_four_bytes), CASE (context_ext),
            CASE (thread_name_prefix))
