#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "crypto/box.h"
#include "crypto/file.h"

static char dir[64], path[80];

static int make_folder(void **state)
{
    (void)state;
    nc_log_level(NC_ERROR + 1);
    snprintf(dir, sizeof(dir), "%s/nc-box-XXXXXX", getenv("TMPDIR") ?: "/tmp");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/key", dir);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static struct nc_box *fresh(void)
{
    struct nc_box *b = NULL;
    assert_int_equal(nc_box_make(&b, path), NC_OK);
    return b;
}

static void round_trip_also_after_a_restart(void **state)
{
    static const char *const plains[] = {"", "k", "sk-0123456789abcdef"};
    struct nc_box *b = fresh(), *again = NULL;

    (void)state;
    assert_int_equal(nc_box_open(&again, path), NC_OK);
    for (size_t i = 0; i < NC_COUNT(plains); i++) {
        struct nc_buf sealed = {0}, plain = {0};
        assert_int_equal(nc_box_seal(b, nc_str(plains[i]), NC_STR("row"), &sealed), NC_OK);
        if (*plains[i])
            assert_null(memmem(sealed.p, sealed.n, plains[i], strlen(plains[i]) + 1));
        assert_int_equal(nc_box_unseal(again, nc_buf_str(&sealed), NC_STR("row"), &plain),
                         NC_OK);
        assert_true(nc_str_eqz(nc_buf_str(&plain), plains[i]));
        nc_buf_fini(&sealed);
        nc_buf_fini(&plain);
    }
    nc_box_close(again);
    nc_box_close(b);
    nc_box_close(NULL);
}

static void moved_foreign_and_changed_ones_are_refused(void **state)
{
    struct nc_box *b = fresh(), *other = fresh();
    struct nc_buf sealed = {0}, plain = {0};

    (void)state;
    assert_int_equal(nc_box_seal(b, NC_STR("secret"), NC_STR("row 1"), &sealed), NC_OK);
    assert_int_equal(nc_box_unseal(b, nc_buf_str(&sealed), NC_STR("row 2"), &plain),
                     NC_EACCESS);
    assert_int_equal(nc_box_unseal(other, nc_buf_str(&sealed), NC_STR("row 1"), &plain),
                     NC_EACCESS);
    for (size_t bit = 0; bit < sealed.n * 8; bit++) {
        sealed.p[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_not_equal(nc_box_unseal(b, nc_buf_str(&sealed), NC_STR("row 1"), &plain),
                             NC_OK);
        sealed.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t n = 0; n < sealed.n; n++)
        assert_int_not_equal(
            nc_box_unseal(b, (struct nc_str){sealed.p, n}, NC_STR("row 1"), &plain), NC_OK);
    assert_int_equal(plain.n, 0);
    nc_buf_fini(&sealed);
    nc_buf_fini(&plain);
    nc_box_close(b);
    nc_box_close(other);
}

static void two_of_the_same_look_different(void **state)
{
    struct nc_box *b = fresh();
    struct nc_buf x = {0}, y = {0};

    (void)state;
    assert_int_equal(nc_box_seal(b, NC_STR("secret"), NC_STR("row"), &x), NC_OK);
    assert_int_equal(nc_box_seal(b, NC_STR("secret"), NC_STR("row"), &y), NC_OK);
    assert_false(nc_str_eq(nc_buf_str(&x), nc_buf_str(&y)));
    nc_buf_fini(&x);
    nc_buf_fini(&y);
    nc_box_close(b);
}

static void too_much_is_refused(void **state)
{
    struct nc_box *b = fresh();
    struct nc_buf out = {0};
    char *much = nc_alloc(NC_BOX_MAX + 1);

    (void)state;
    assert_int_equal(
        nc_box_seal(b, (struct nc_str){much, NC_BOX_MAX + 1}, NC_STR("row"), &out),
        NC_ELIMIT);
    assert_int_equal(nc_box_seal(b, (struct nc_str){much, NC_BOX_MAX}, NC_STR("row"), &out),
                     NC_OK);
    free(much);
    nc_buf_fini(&out);
    nc_box_close(b);
}

static void an_odd_key_file_is_refused(void **state)
{
    struct nc_box *b = NULL;
    struct stat st;

    (void)state;
    unlink(path);
    assert_int_equal(nc_box_open(&b, path), NC_ENOENT);
    nc_box_close(fresh());
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(nc_box_open(&b, path), NC_EINVAL);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 31), 0);
    assert_int_equal(nc_box_open(&b, path), NC_EINVAL);
    assert_int_equal(truncate(path, 33), 0);
    assert_int_equal(nc_box_open(&b, path), NC_EINVAL);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(nc_box_open(&b, path), NC_EINVAL);
    assert_null(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip_also_after_a_restart),
        cmocka_unit_test(moved_foreign_and_changed_ones_are_refused),
        cmocka_unit_test(two_of_the_same_look_different),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(an_odd_key_file_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
