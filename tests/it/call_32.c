/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * call_32 NR [ARG]...: a 32-bit program that makes the system call NR of i386 with up to five
 * arguments. "=TEXT" stands for the address of TEXT, anything else for a number. Exits with 0;
 * 1: the call failed; 2: no call. It needs no 32-bit C library, because it uses none.
 */
#define ARGS 6

void begin(char *const *stack) __attribute__((noreturn));

/* The kernel puts argc, argv and their NULL on the stack. */
__asm__(".globl _start\n"
	"_start:\n"
	"	movl %esp, %eax\n"
	"	andl $-16, %esp\n"
	"	subl $12, %esp\n"
	"	pushl %eax\n"
	"	call begin\n");

static long call(const long *a)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(a[0]), "b"(a[1]), "c"(a[2]), "d"(a[3]), "S"(a[4]), "D"(a[5])
			 : "memory");
	return r;
}

static long value_of(const char *word)
{
	unsigned long n = 0;
	const char *digit = *word == '-' ? word + 1 : word;

	if (*word == '=')
		return (long)(word + 1);
	for (; *digit; digit++)
		n = n * 10 + (unsigned long)(*digit - '0');
	return *word == '-' ? -(long)n : (long)n;
}

void begin(char *const *stack)
{
	long a[ARGS] = {0}, exit_call[ARGS] = {1, 2};
	char *const *argv = stack + 1;

	for (int i = 0; i < ARGS && argv[i] && argv[i + 1]; i++)
		a[i] = value_of(argv[i + 1]);
	if (a[0])
		exit_call[1] = call(a) < 0;
	for (;;)
		call(exit_call);
}
