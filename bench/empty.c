/* bench/empty: a process with neuralchatd's libraries that does nothing with them. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}
