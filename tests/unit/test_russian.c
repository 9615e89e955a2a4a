#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/russian.h"

static void says(const char *english, const char *russian)
{
    struct nc_buf b = {0};

    assert_true(nc_russian(&b, nc_str(english)));
    nc_buf_addc(&b, '\0');
    assert_string_equal(b.p, russian);
    nc_buf_fini(&b);
}

static void whole_sentences(void **state)
{
    (void)state;
    says("wrong username or password", "неверное имя или пароль");
    says("this room allows no AI", "ИИ в этой комнате запрещён");
}

static void capital_and_stop_stay(void **state)
{
    (void)state;
    says("Only an owner deletes a room.", "Удаляет комнату только владелец.");
    says("Only owners and moderators remove others.",
         "Удаляют из комнаты только владельцы и модераторы.");
    says("Here only owners and moderators bring others in.",
         "Звать сюда могут только владельцы и модераторы.");
    says("bob is coming in just now.", "bob как раз входит.");
    says("only an owner deletes a room", "удаляет комнату только владелец");
    says("Too many questions in this room: ask again in 7 s.",
         "В этой комнате спрашивают слишком часто: спросите снова через 7 с.");
}

static void words_within_words(void **state)
{
    (void)state;
    says("Ольга answers only the room's moderators.",
         "Ольга отвечает только модераторам комнаты.");
    says("the provider box is down: the AI server can't be reached",
         "провайдер box не отвечает: сервер ИИ недоступен");
    says("the daily limit of your account is reached: 12 of 10 tokens used; it begins anew "
         "at "
         "00:00 UTC, in 3 h 07 min",
         "достигнут дневной предел вашей учётной записи: израсходовано токенов: 12 из 10; "
         "счёт "
         "начнётся заново в 00:00 UTC, через 3 ч 07 мин");
    says("at most 20 messages in 10 s", "слишком часто: не больше 20 сообщений за 10 с");
    says("HTTP 500: the back end failed without saying why",
         "HTTP 500: сервер ИИ отказал, не сказав почему");
    /* of two that fit, the longer words stand first in the table */
    says("`username`: olga is taken by a persona", "имя olga занято: так зовут персонажа");
}

static void what_is_unknown_stays(void **state)
{
    static const char *const odd[] = {"",
                                      ".",
                                      "length",
                                      "HTTP",
                                      "% of % of %",
                                      "\xff\xfe.",
                                      "there is no such room, is there"};

    (void)state;
    for (size_t i = 0; i < NC_COUNT(odd); i++) {
        struct nc_buf b = {0};
        assert_false(nc_russian(&b, nc_str(odd[i])));
        assert_true(nc_str_eqz(nc_buf_str(&b), odd[i]));
        nc_buf_fini(&b);
    }
}

/* What a server of models says is in there: it must not keep the node busy. */
static void long_words_are_cheap(void **state)
{
    char text[2001];

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = " of % in : "[i % 11];
    text[sizeof(text) - 1] = '\0';
    for (size_t n = 0; n < sizeof(text); n += 50) {
        struct nc_buf b = {0};
        nc_russian(&b, (struct nc_str){text, n});
        nc_buf_fini(&b);
    }
}

static void who_wants_it(void **state)
{
    static const char *const yes[] = {"ru", "ru-RU,ru;q=0.9,en;q=0.8", "RU", " ru;q=1",
                                      "ru, en"};
    static const char *const no[] = {"", "r", "en-US,ru;q=0.5", "rum", "run", "*", "uk,ru"};

    (void)state;
    for (size_t i = 0; i < NC_COUNT(yes); i++)
        assert_true(nc_russian_wanted(nc_str(yes[i])));
    for (size_t i = 0; i < NC_COUNT(no); i++)
        assert_false(nc_russian_wanted(nc_str(no[i])));
    assert_false(nc_russian_wanted((struct nc_str){NULL, 0}));
    assert_int_equal(nc_language_wanted((struct nc_str){NULL, 0}), NC_ANY_LANGUAGE);
    assert_int_equal(nc_language_wanted(NC_STR(" *")), NC_ANY_LANGUAGE);
    assert_int_equal(nc_language_wanted(NC_STR("ru-RU,en")), NC_RUSSIAN);
    assert_int_equal(nc_language_wanted(NC_STR("en-GB,ru;q=0.5")), NC_ENGLISH);
    assert_int_equal(nc_language_wanted(NC_STR("de")), NC_ENGLISH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_sentences),      cmocka_unit_test(capital_and_stop_stay),
        cmocka_unit_test(words_within_words),   cmocka_unit_test(what_is_unknown_stays),
        cmocka_unit_test(long_words_are_cheap), cmocka_unit_test(who_wants_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
