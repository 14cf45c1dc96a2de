# For ready-made programs of Swift, whose linking is done, what lacking.ts links into those that are built here. By
# system calls, so that it needs but one function of the C library. A test assembles it and compares it with
# lacking-code.ts; preload.ts knows where the functions begin, and puts the address of open64 at `slot`.

        .text
        .set slot, 0x1000 - 0x300       # from the beginning of the code on

start:                                  # int sigsuspend(const sigset_t *mask)
        push %rdi
again:  xor %edi, %edi                  # ppoll(NULL, 0, NULL, mask, 8)
        xor %esi, %esi
        xor %edx, %edx
        mov (%rsp), %r10
        mov $8, %r8d
        mov $271, %eax
        syscall
        cmp $-4, %rax                   # EINTR: as sigsuspend, whenever a signal was handled
        je done
        push $0                         # nanosleep({ 86400, 0 }, NULL): a kernel that does not wait there
        push $86400
        mov %rsp, %rdi
        xor %esi, %esi
        mov $35, %eax
        syscall
        add $16, %rsp
        jmp again
done:   pop %rdi
        or $-1, %eax
        ret

        .org 0x80                       # int open(const char *path, int flags, ...)
        lea head(%rip), %rax
        xor %ecx, %ecx
next:   movzbl (%rax,%rcx), %r8d        # begins with "/proc/",
        cmp %r8b, (%rdi,%rcx)
        jne usual
        inc %ecx
        cmp $6, %ecx
        jne next
        movzbl 6(%rdi), %ecx            # then a number
        sub $'0', %ecx
        cmp $9, %ecx
        ja usual
        push %rdi
        push %rsi
        push %rdx
        mov $2, %eax                    # open(path, flags, mode)
        syscall
        test %eax, %eax
        pop %rdx
        pop %rsi
        pop %rdi
        js asleep
        ret
usual:  xor %eax, %eax
        jmp *start+slot(%rip)
asleep: push $0
        mov %rsp, %rdi                  # pipe(ends)
        mov $22, %eax
        syscall
        test %eax, %eax
        js none
        mov 4(%rsp), %edi               # write(ends[1], text, 12)
        lea text(%rip), %rsi
        mov $12, %edx
        mov $1, %eax
        syscall
        mov 4(%rsp), %edi               # close(ends[1])
        mov $3, %eax
        syscall
        mov (%rsp), %eax
        pop %rcx
        ret
none:   pop %rcx
        or $-1, %eax
        ret
text:   .ascii "1 (thread) S"
head:   .ascii "/proc/"
