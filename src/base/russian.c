#include "base/russian.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

/* A '%' stands for any words, which come through here in their turn.  The capital at the
 * beginning and the stop at the end are those of what is said.  The first that fits is
 * taken. */
static const struct sentence {
    const char *en, *ru;
} sentences[] = {
    /* clang-format off */
    /* coming in */
    {"another change of this account is under way", "эту учётную запись как раз меняют"},
    {"wrong username or password", "неверное имя или пароль"},
    {"the old password is wrong", "прежний пароль неверен"},
    {"somebody on another node had the name % first: yours is % now, log in with that", "имя % раньше взял кто-то на другом узле: ваше теперь %, войдите с ним"},
    {"this account is disabled", "эта учётная запись отключена"},
    {"this username is taken", "это имя занято"},
    {"`username`: % is taken", "имя % занято"},
    {"`username`: % is taken by a user", "имя % занято: так зовут пользователя"},
    {"`username`: % is taken by a persona", "имя % занято: так зовут персонажа"},
    {"username: 2 to 32 of a-z 0-9 . _ - and first a letter or digit", "имя пользователя: от 2 до 32 знаков a-z 0-9 . _ -, первым — буква или цифра"},
    {"`username` must be 2 to 32 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit", "`username`: от 2 до 32 знаков a-z, 0-9, «.», «_», «-», первым — буква или цифра"},
    {"registration is by invite", "регистрация только по приглашению"},
    {"registration is closed", "регистрация закрыта"},
    {"the invite is unknown, used up or over", "такого приглашения нет, или оно использовано, или истекло"},
    {"the code is unknown, used or over", "такого кода нет, или он использован, или истёк"},
    {"the owner's code is wrong, or there is an owner already", "код владельца неверен, или владелец уже есть"},
    {"the room of this invitation is gone", "комнаты из этого приглашения больше нет"},
    {"too many failed logins, wait % s", "слишком много неудачных попыток войти, подождите % с"},
    {"too many wrong passwords, wait % s", "слишком много неверных паролей, подождите % с"},
    {"too many wrong codes from this address", "слишком много неверных кодов с этого адреса"},
    {"too many passwords are being checked", "слишком много паролей проверяется сразу, попробуйте ещё раз"},
    {"at most % registrations an hour from one address", "с одного адреса — не больше % регистраций в час"},
    {"password must have at least % bytes", "в пароле должно быть не меньше % байт"},
    {"password has more than % bytes", "в пароле больше % байт"},
    {"display_name must have 1 to % characters", "имя для других: от 1 до % знаков"},
    {"display_name holds a control character", "в имени для других управляющий символ"},
    {"the access token has expired", "вход истёк"},
    {"the session has ended", "этот вход завершён"},
    {"this session has ended", "этот вход завершён"},
    {"the refresh token is not valid, log in again", "вход больше не действует, войдите снова"},
    {"the node needs an owner: name another one first", "узлу нужен владелец: сначала назначьте другого"},
    {"only an owner may do that", "это может только владелец"},
    {"only an owner or admin may do that", "это может только владелец или администратор"},
    {"there is no such user", "такого пользователя нет"},
    {"there is nobody of that name", "никого с таким именем нет"},
    {"there is no such user, or you share no room", "такого пользователя нет, или у вас нет общих комнат"},
    /* rooms */
    {"there is no such room", "такой комнаты нет"},
    {"there is no such room, or it is not open to you", "такой комнаты нет, или она вам недоступна"},
    {"there is no such message, or it is not open to you", "такого сообщения нет, или оно вам недоступно"},
    {"you are not a member of this room", "вы не в этой комнате"},
    {"you are not in this room", "вы не в этой комнате"},
    {"they are not in this room", "этого участника в комнате нет"},
    {"only members write here; join first", "писать здесь могут только участники: сначала войдите"},
    {"you are banned from this room", "вас не пускают в эту комнату"},
    {"only owners and moderators lift bans", "снимают запрет только владельцы и модераторы"},
    {"only owners and moderators see who is banned", "кого сюда не пускают, видят только владельцы и модераторы"},
    {"direct chats and dialogs are the affair of those who are in them", "личные беседы и диалоги — дело тех, кто в них"},
    {"username: must be somebody who is in the room, and can log in", "имя: нужен участник этой комнаты, который может войти"},
    {"the room has an owner who can do it", "у комнаты есть владелец, он может сделать это сам"},
    {"only owners and moderators remove others", "удаляют из комнаты только владельцы и модераторы"},
    {"only an owner removes somebody of your own rank or above", "равных вам и старших удаляет только владелец"},
    {"nobody is removed from a direct chat or a dialog", "из личной беседы и диалога никого не удаляют"},
    {"only members bring others in", "звать в комнату могут только участники"},
    {"here only owners and moderators bring others in", "звать сюда могут только владельцы и модераторы"},
    {"only owners give roles", "роли дают только владельцы"},
    {"% is coming in just now", "% как раз входит"},
    {"% is leaving for good", "% удаляет свою учётную запись"},
    {"their role is being changed just now", "роль этого участника как раз меняют"},
    {"the room is being changed just now; try again", "комнату как раз меняют; попробуйте ещё раз"},
    {"they are not banned here", "этого человека сюда и так пускают"},
    {"% is banned here; lift the ban first", "% сюда не пускают; сначала снимите запрет"},
    {"the room is full: it has % members", "комната полна: в ней % участников"},
    {"you are in % rooms already, as many as may be", "вы уже в % комнатах, больше нельзя"},
    {"% is in % rooms already, as many as may be", "% уже в % комнатах, больше нельзя"},
    {"you are its last owner; name another before you leave", "вы последний владелец: сначала назначьте другого"},
    {"a room is never without an owner; name another first", "без владельца комнаты не бывает: сначала назначьте другого"},
    {"a room is never without an owner", "без владельца комнаты не бывает"},
    {"only an owner deletes a room", "удаляет комнату только владелец"},
    {"moderators change name, topic and AI, owners everything, of a room", "название, тему и ИИ комнаты меняют модераторы, остальное — владельцы"},
    {"only its author and moderators delete a message", "удаляют сообщение только его автор и модераторы"},
    {"only its author, as a member, edits a message", "правит сообщение только его автор, пока он в комнате"},
    {"no such message", "такого сообщения нет"},
    {"the message was deleted", "сообщение удалено"},
    {"a direct chat is not left; /clear hides what was said", "из личного чата не выходят; /clear скроет сказанное"},
    {"you cannot remove yourself; leave instead", "себя не удаляют: выйдите"},
    {"name: 1 to % characters, no control characters", "название: от 1 до % знаков, без управляющих"},
    {"topic: at most % characters, no control characters", "тема: не больше % знаков, без управляющих"},
    {"text: is empty", "сообщение пустое"},
    {"text: at most % bytes", "сообщение длиннее % байт"},
    {"text: holds a NUL", "в сообщении нулевой символ"},
    {"reply_to: there is no such message in this room", "в этой комнате нет сообщения, на которое вы отвечаете"},
    {"members: at most % at once", "не больше % участников сразу"},
    {"at most % % in % s", "слишком часто: не больше % % за % с"},
    {"messages", "сообщений"},
    {"new rooms", "новых комнат"},
    {"history reads", "чтений истории"},
    {"lists", "списков"},
    {"changes", "изменений"},
    {"too much at once, try again shortly", "слишком много сразу, попробуйте чуть позже"},
    {"too much comes in at once, try again shortly", "слишком много сразу, попробуйте чуть позже"},
    {"the body may have % bytes", "запрос больше % байт"},
    {"the node is shutting down", "узел останавливается"},
    {"the node is stopping", "узел останавливается"},
    {"the node's disk is nearly full", "диск узла почти полон"},
    {"the node's disk is nearly full: nothing is taken in until there is space", "диск узла почти полон: пока нет места, ничего не принимается"},
    {"the store cannot keep or read anything now; nothing was done", "хранилище сейчас не может ни записать, ни прочесть; ничего не сделано"},
    {"the store takes too long to answer", "хранилище слишком долго не отвечает"},
    /* who is asked */
    {"% answers only the room's moderators", "% отвечает только модераторам комнаты"},
    {"% answers only the room's owners", "% отвечает только владельцам комнаты"},
    {"% answers only people on a list", "% отвечает только тем, кто в списке"},
    {"you ask too many questions: ask again in % s", "вы спрашиваете слишком часто: спросите снова через % с"},
    {"too many questions in this room: ask again in % s", "в этой комнате спрашивают слишком часто: спросите снова через % с"},
    {"too many questions: ask again in % s", "слишком много вопросов: спросите снова через % с"},
    {"too many questions are waiting; ask again later", "слишком много вопросов ждут ответа; спросите позже"},
    {"too many questions are waiting, ask again", "слишком много вопросов ждут ответа, спросите ещё раз"},
    {"too many questions are waiting", "слишком много вопросов ждут ответа"},
    {"the daily limit of this API key is reached: %", "достигнут дневной предел этого ключа API: %"},
    {"the daily limit of your account is reached: %", "достигнут дневной предел вашей учётной записи: %"},
    {"the daily limit of this room is reached: %", "достигнут дневной предел этой комнаты: %"},
    {"the daily limit of this persona is reached: %", "достигнут дневной предел этого персонажа: %"},
    {"the daily limit of this node is reached: %", "достигнут дневной предел этого узла: %"},
    {"% of % tokens used; it begins anew at 00:00 UTC, in % h % min", "израсходовано токенов: % из %; счёт начнётся заново в 00:00 UTC, через % ч % мин"},
    {"% of % requests used; it begins anew at 00:00 UTC, in % h % min", "израсходовано запросов: % из %; счёт начнётся заново в 00:00 UTC, через % ч % мин"},
    {"this room allows no AI", "ИИ в этой комнате запрещён"},
    {"the room's settings no longer allow it", "настройки комнаты этого больше не разрешают"},
    {"the persona is no longer there", "персонажа больше нет"},
    {"the persona is no longer in this room", "персонажа в этой комнате больше нет"},
    {"the persona is not in this room", "персонажа в этой комнате нет"},
    {"the persona of this dialog is gone", "персонажа этого диалога больше нет"},
    {"persona: there is no persona called %", "персонажа с именем % нет"},
    {"there is no such persona", "такого персонажа нет"},
    {"`%`: % is a name of the persona @%", "`%`: % — имя персонажа @%"},
    {"`%`: % is the username of @%", "`%`: % — имя пользователя @%"},
    {"`%`: % does not begin with a letter", "`%`: % начинается не с буквы"},
    {"the question is no longer there", "вопроса больше нет"},
    {"the answer is no longer there", "ответа больше нет"},
    {"the room's history could not be read", "не удалось прочесть историю комнаты"},
    {"this message is no persona's answer", "это сообщение — не ответ персонажа"},
    {"it is being generated", "ответ ещё пишется"},
    {"it has % alternatives already; ask anew", "у ответа уже % вариантов; спросите заново"},
    {"who asked may, and moderators", "это могут тот, кто спросил, и модераторы"},
    {"who asked may stop it, and moderators", "остановить могут тот, кто спросил, и модераторы"},
    {"who asked, and moderators, choose the answer that is shown", "какой ответ виден, выбирают тот, кто спросил, и модераторы"},
    {"no answer of that id is being generated", "такой ответ сейчас не пишется"},
    {"the answer is being written; wait or stop it", "ответ ещё пишется: подождите или остановите его"},
    {"another answer has just been chosen", "только что выбран другой ответ"},
    {"the answer is being written just now", "ответ ещё пишется"},
    {"the answer is being completed just now", "ответ как раз дописывается"},
    {"the answer has just ended", "ответ только что закончился"},
    {"no such answer is being written", "такой ответ сейчас не пишется"},
    {"there is no such answer", "такого ответа нет"},
    {"n: there is no such alternative", "такого варианта нет"},
    {"an answer has at most % bytes", "в ответе не больше % байт"},
    {"one branches off from one's own message in one's own dialog", "ветвь начинают от своего сообщения в своём диалоге"},
    {"`%` can be set in a dialog, not in a room", "`%` задают в диалоге, а не в комнате"},
    /* which model */
    {"no AI provider is set up", "ни один сервер моделей не подключён"},
    {"no other model is set up", "другой модели нет"},
    {"no AI provider has a model of that name", "такой модели нет ни у одного провайдера"},
    {"the provider % has no model of that name", "у провайдера % такой модели нет"},
    {"the provider % is down: %", "провайдер % не отвечает: %"},
    {"the provider % is farther (%) than is allowed here (%)", "провайдер % дальше (%), чем здесь разрешено (%)"},
    {"the provider was deleted", "провайдер удалён"},
    {"the provider was changed or deleted meanwhile", "провайдера тем временем изменили или удалили"},
    {"no such provider", "такого провайдера нет"},
    {"there is a provider of that name already", "провайдер с таким именем уже есть"},
    {"this provider stands in the configuration", "этот провайдер задан в настройках узла"},
    {"this provider was found on this machine; add it to keep it", "этот провайдер найден на машине узла; добавьте его, чтобы менять"},
    {"providers of kind `%` are not there yet", "провайдеров вида `%` пока нет"},
    {"`%` can't be used: %", "`%` не годится: %"},
    {"it begins neither with http:// nor with https://", "адрес начинается не с http:// и не с https://"},
    {"it has a user name or password in it; give the key apart", "в адресе имя или пароль; ключ дают отдельно"},
    {"link-local addresses are never connected to", "к локальным адресам канала узел не подключается"},
    {"nobody can be connected to at that address", "по такому адресу никого не бывает"},
    {"it is empty", "адрес пуст"},
    {"it is longer than 500 bytes", "адрес длиннее 500 байт"},
    {"it has a character that no URL has", "в адресе недопустимый знак"},
    {"it names no host", "в адресе нет имени машины"},
    {"its port is no number from 1 to 65535", "порт — не число от 1 до 65535"},
    {"its address is none", "это не адрес"},
    {"`%` is missing", "не хватает `%`"},
    {"`%` must be a number from % to %", "`%`: нужно число от % до %"},
    {"`%` must be a whole number from % to %", "`%`: нужно целое число от % до %"},
    {"`%` must be one of %", "`%`: одно из %"},
    {"`destination` must be %", "`destination`: одно из %"},
    {"`%` must be %", "`%` должно быть: %"},
    {"this_node, own_node, own_worker, lan or cloud", "this_node, own_node, own_worker, lan, cloud"},
    {"`%` has more than % bytes", "`%` длиннее % байт"},
    /* how a model failed */
    {"the AI server can't be reached", "сервер ИИ недоступен"},
    {"the AI server's name can't be found", "имя сервера ИИ не найдено"},
    {"the AI server's URL can't be used", "адрес сервера ИИ не годится"},
    {"the AI server's certificate was not accepted", "сертификат сервера ИИ не принят"},
    {"the AI server did not answer in time", "сервер ИИ не ответил вовремя"},
    {"the AI server stopped in the middle of the answer", "сервер ИИ замолчал посреди ответа"},
    {"the connection to the AI server broke off", "связь с сервером ИИ оборвалась"},
    {"the answer broke off", "ответ оборвался"},
    {"the AI server failed", "сервер ИИ подвёл"},
    {"the AI server is farther away than the text may go", "сервер ИИ дальше, чем разрешено уходить тексту"},
    {"the AI server is asked through a proxy, which is farther away than the text may go", "к серверу ИИ ходят через прокси, а это дальше, чем разрешено уходить тексту"},
    {"this model is farther away than the text may go: Ollama passes on what it is asked", "эта модель дальше, чем разрешено уходить тексту: Ollama передаёт вопросы дальше"},
    {"the AI server's address is one that is never connected to", "к такому адресу узел не подключается"},
    {"the AI server's answer is too large", "ответ сервера ИИ слишком велик"},
    {"the AI server sent a line without end", "сервер ИИ прислал бесконечную строку"},
    {"the AI server sent something that is no answer", "сервер ИИ прислал не то, что можно счесть ответом"},
    {"the AI server lists no model", "у сервера ИИ нет моделей"},
    {"the AI server's list of models is none", "список моделей сервера ИИ не разобрать"},
    {"the back end failed without saying why", "сервер ИИ отказал, не сказав почему"},
    {"the model gave an empty answer", "модель дала пустой ответ"},
    {"the model declined to answer", "модель отказалась отвечать"},
    {"the model declined to go on", "модель отказалась продолжать"},
    {"the model's name is too long", "имя модели слишком длинное"},
    {"the question can't be said to this server", "этому серверу такой вопрос не задать"},
    {"this request came from this very node", "это сам узел"},
    {"HTTP %: %", "HTTP %: %"},
    /* clang-format on */
};

#define DEPTH 3  /* words within words */
#define PIECES 8 /* in one sentence */
#define LONG 600 /* bytes; no sentence is longer */

static bool add(struct nc_buf *out, struct nc_str english, unsigned depth);

/* ---- does a sentence fit? ---------------------------------------------------------- */

static bool same(char a, char b, bool any_case)
{
    return a == b || (any_case && (a | 0x20) == b && b >= 'a' && b <= 'z');
}

/* `n`: how many pieces there are so far.  A piece is as short as may be. */
static bool fits(struct nc_str text, const char *en, bool at_start, struct nc_str *pieces,
                 size_t n)
{
    for (; *en && *en != '%'; en++, at_start = false) {
        if (!text.n || !same(text.p[0], *en, at_start))
            return false;
        text = (struct nc_str){text.p + 1, text.n - 1};
    }
    if (!*en)
        return text.n == 0;
    for (size_t take = 1; take <= text.n && n < PIECES; take++) {
        struct nc_str rest = {text.p + take, text.n - take};
        pieces[n] = (struct nc_str){text.p, take};
        if ((en[1] || !rest.n) && fits(rest, en + 1, false, pieces, n + 1))
            return true;
    }
    return false;
}

/* ---- and then ------------------------------------------------------------------------ */

static void say(struct nc_buf *out, const char *ru, bool capital,
                const struct nc_str *pieces, unsigned depth)
{
    struct nc_str rest = nc_str(ru);
    size_t n = 0;

    while (rest.n) {
        uint32_t c = nc_utf8_next(&rest);
        if (c == '%')
            add(out, pieces[n++], depth + 1);
        else
            nc_utf8_add(out, capital && c >= 0x430 && c <= 0x44f ? c - 0x20 : c);
        capital = false;
    }
}

static bool add(struct nc_buf *out, struct nc_str english, unsigned depth)
{
    bool capital = english.n && english.p[0] >= 'A' && english.p[0] <= 'Z';
    bool stop = english.n && english.p[english.n - 1] == '.';
    struct nc_str text = {english.p, english.n - stop};
    struct nc_str pieces[PIECES] = {{0}};

    for (size_t i = 0; depth < DEPTH && text.n <= LONG && i < NC_COUNT(sentences); i++) {
        if (!fits(text, sentences[i].en, true, pieces, 0))
            continue;
        say(out, sentences[i].ru, capital, pieces, depth);
        if (stop)
            nc_buf_addc(out, '.');
        return true;
    }
    nc_buf_adds(out, english);
    return false;
}

bool nc_russian(struct nc_buf *out, struct nc_str english) { return add(out, english, 0); }

enum nc_language nc_language_wanted(struct nc_str accept_language)
{
    struct nc_str s = nc_str_trim(accept_language);

    if (!s.n || s.p[0] == '*')
        return NC_ANY_LANGUAGE;
    return s.n >= 2 && (s.p[0] | 0x20) == 'r' && (s.p[1] | 0x20) == 'u' &&
                   (s.n == 2 || strchr("-,; ", s.p[2]))
               ? NC_RUSSIAN
               : NC_ENGLISH;
}

bool nc_russian_wanted(struct nc_str accept_language)
{
    return nc_language_wanted(accept_language) == NC_RUSSIAN;
}
