# What a program runs before its own first instruction: it writes the entry mark and goes on to where the program begins.
#
# Its machine code is in entry-stub-code.ts; a test assembles this file (`as --64`, then `objcopy -O binary -j .text`) and
# compares. Numbers of system calls are Linux's on x86-64. At a program's entry only the stack pointer and rdx mean
# something (System V ABI, AMD64 supplement, 3.4.1); all other registers are kept as well.

.intel_syntax noprefix
.text

.set saved, 6 * 8
.set AT_ENTRY, 9

entry:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov edi, 1
.set descriptor, . - 4                  # written anew for each file
    lea rsi, [rip + mark]
    push offset mark_end - mark
    pop rdx
    push 1                              # write
    pop rax
    syscall
    # A descriptor of the mark's own is closed: programs that this one starts have it no more, and tell nothing.
    mov edi, dword ptr [rip + descriptor]
    cmp edi, 1
    je 1f
    push 3                              # close
    pop rax
    syscall

    # The auxiliary vector says where the program begins. A dynamic linker sees by it whether it is the program itself.
1:  mov rcx, [rsp + saved]              # argc
    lea rsi, [rsp + rcx * 8 + saved + 16]
    lea rdx, [rip + entry]
2:  lodsq                               # environment
    test rax, rax
    jnz 2b
3:  lodsq
    mov rcx, rax
    lodsq
    jrcxz 4f                            # AT_NULL
    cmp ecx, AT_ENTRY
    jne 3b
    cmp rax, rdx
    jne 4f
    lea rax, [rip + entry]
.set original, . - 4                    # written anew
    mov [rsi - 8], rax

4:  pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    .byte 0xe9                          # jmp
onward:
    .long 0                             # written anew
mark:
    .ascii "\033_\033\\"              # four bytes: each is a way out of the guest and back
mark_end:
