# The guest's first program. It starts a function's program as Linux would, where Unikraft's ELF loader does not:
# linked to an address or not, with any arguments and environment, in its folder, with a stack of Linux's size.
#
# Its machine code is in start-code.ts; a test assembles this file (`as --64`, then `objcopy -O binary -j .text`) and
# compares. It runs on Linux, too, where it is tested. Numbers of system calls are Linux's on x86-64; structures are
# those of elf(5) and of the System V ABI with its x86-64 supplement.
#
# On the page behind the code is the data that start.ts writes. Offsets count from its beginning, texts end with a NUL.

.intel_syntax noprefix
.text

.set headers, 64 + 2 * 56           # what start.ts puts in front of this: the ELF header, two program headers
.set data, entry - headers + 4096
.set kernel_entry, 0                # scratch: where the kernel takes system calls
.set kernel_stack, 8                # scratch: the stack as the kernel left it
.set threads, 16                    # scratch: whether there has been a second thread
.set argc, 24
.set envc, 32
.set path, 40                       # offset of the program's path
.set folder, 48                     # offset of its working directory
.set interpreter, 56                # scratch: a path
.set vector, interpreter + 256      # offsets of arguments, then of environment variables

.set buffer_bytes, 4096
.set stack_bytes, 8 << 20
.set com1, 0x3f8

entry:
    lea rbp, [rip + data]
    mov [rbp + kernel_stack], rsp
    # In Unikraft programs have the kernel's rights. There the end of the program is seen when it asks for it, and
    # told on the console: Unikraft keeps the status to itself, and before 0.19 goes on without a program.
    mov eax, cs
    test al, 3
    jnz 1f
    mov ecx, 0xc0000082             # MSR_LSTAR: where system calls go
    rdmsr
    shl rdx, 32
    or rax, rdx
    mov [rbp + kernel_entry], rax
    lea rax, [rip + called]
    mov rdx, rax
    shr rdx, 32
    wrmsr

1:  mov rdi, [rbp + folder]
    add rdi, rbp
    mov eax, 80                     # chdir
    syscall
    test rax, rax
    js fail
    mov rdi, [rbp + path]
    add rdi, rbp
    call load
    mov r12, rax                    # r12, r13, r14: the program's entry, its headers and their number
    mov r13, r8
    mov r14, r9
    mov r15, rax                    # where to go
    xor ebx, ebx                    # base of the dynamic linker
    test r10, r10
    jz 2f
    mov rdi, r10
    call load
    mov r15, rax
    mov rbx, r11

    # From here on the console is the program's. The kernel's stack is as large as its configuration says.
2:  mov edi, 1
    lea rsi, [rip + starts]
    mov edx, offset starts_end - starts
    mov eax, 1                      # write
    syscall
    xor edi, edi
    mov esi, stack_bytes
    mov edx, 3                      # PROT_READ | PROT_WRITE
    mov r10d, 0x4022                # MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    call map
    lea r11, [rax + stack_bytes]
    # Find the kernel's auxiliary vector behind argc, argv and environment.
    mov rdx, [rbp + kernel_stack]
    mov rax, [rdx]
    lea rdx, [rdx + rax * 8 + 16]
3:  add rdx, 8
    cmp qword ptr [rdx - 8], 0
    jne 3b
    mov rsi, rdx
4:  add rdx, 16
    cmp qword ptr [rdx - 16], 0     # AT_NULL
    jne 4b
    sub rdx, rsi
    # Room for argc, both lists with a NULL behind each, that vector, and six entries of ours.
    mov rcx, [rbp + argc]
    add rcx, [rbp + envc]
    lea rcx, [rdx + rcx * 8 + 3 * 8 + 6 * 16]
    sub r11, rcx
    and r11, -16
    mov rsp, r11

    mov rdi, rsp
    mov rax, [rbp + argc]
    stosq
    mov rcx, rax
    lea r8, [rbp + vector]
    call pointers
    mov rcx, [rbp + envc]
    call pointers
    mov eax, 3                      # AT_PHDR
    mov rdx, r13
    call pair
    mov eax, 4                      # AT_PHENT
    mov edx, 56
    call pair
    mov eax, 5                      # AT_PHNUM
    mov rdx, r14
    call pair
    mov eax, 7                      # AT_BASE
    mov rdx, rbx
    call pair
    mov eax, 9                      # AT_ENTRY
    mov rdx, r12
    call pair
    mov eax, 31                     # AT_EXECFN
    mov rdx, [rbp + path]
    add rdx, rbp
    call pair
    # The rest as the kernel says; of those six it speaks of this program here.
5:  lodsq
    mov rdx, rax
    lodsq
    xchg rax, rdx
    cmp rax, 31
    ja 6f
    mov ecx, 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 9 | 1 << 31
    bt ecx, eax
    jc 5b
6:  call pair
    test rax, rax
    jnz 5b
    xor edx, edx                    # nothing to be called at exit
    xor ebp, ebp
    jmp r15

# Writes to rdi what rcx offsets at r8 stand for, and a NULL.
pointers:
    jrcxz 2f
1:  mov rax, [r8]
    add rax, rbp
    stosq
    add r8, 8
    loop 1b
2:  xor eax, eax
    stosq
    ret

# Writes an entry of the auxiliary vector, rax and rdx, to rdi.
pair:
    stosq
    xchg rax, rdx
    stosq
    xchg rax, rdx
    ret

# Maps anonymous memory: rdi address, rsi length, edx protection, r10d flags. Gives rax.
map:
    mov r8, -1
    xor r9d, r9d
    mov eax, 9                      # mmap
    syscall
    test rax, rax
    js fail
    ret

# Maps the ELF file whose path is at rdi.
# Gives rax entry, r8 its headers in memory, r9 their number, r10 the path of its interpreter or 0, r11 base.
load:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    xor esi, esi                    # O_RDONLY
    mov eax, 2                      # open
    syscall
    test rax, rax
    js fail
    mov r12, rax                    # r12: file
    sub rsp, buffer_bytes
    mov rdi, rax
    mov rsi, rsp
    mov edx, buffer_bytes
    xor r10d, r10d
    mov eax, 17                     # pread64
    syscall
    cmp rax, 64
    jl fail
    cmp dword ptr [rsp], 0x464c457f # "\x7fELF"
    jne fail
    movzx r14d, word ptr [rsp + 56] # e_phnum
    test r14d, r14d
    jz fail
    mov r13, [rsp + 32]             # e_phoff
    imul ecx, r14d, 56
    add rcx, r13
    cmp rcx, rax
    ja fail
    add r13, rsp                    # r13: header, r14: how many

    # Where segments begin and end (r8, r9), the greatest alignment (r11), and the interpreter's header (r15).
    mov r8, -1
    xor r9d, r9d
    mov r11d, 4096
    xor r15d, r15d
    mov rdi, r13
    mov ecx, r14d
1:  cmp dword ptr [rdi], 3          # PT_INTERP
    cmove r15, rdi
    cmp dword ptr [rdi], 1          # PT_LOAD
    jne 2f
    mov rax, [rdi + 16]             # p_vaddr
    cmp rax, r8
    cmovb r8, rax
    add rax, [rdi + 40]             # p_memsz
    cmp rax, r9
    cmova r9, rax
    mov rax, [rdi + 48]             # p_align
    cmp rax, r11
    cmova r11, rax
2:  add rdi, 56
    loop 1b
    and r8, -4096
    xor ebp, ebp                    # rbp: base; 0 where the file is linked to an address
    cmp word ptr [rsp + 16], 3      # ET_DYN
    jne 3f
    lea rsi, [r9 + r11]
    sub rsi, r8
    push r8
    push r11
    xor edi, edi
    xor edx, edx                    # PROT_NONE
    mov r10d, 0x4022                # MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    call map
    pop r11
    pop r8
    lea rbp, [rax + r11 - 1]
    neg r11
    and rbp, r11
    sub rbp, r8

3:  xor ebx, ebx                    # rbx: the headers in memory
4:  cmp dword ptr [r13], 1          # PT_LOAD
    jne 8f
    mov rax, [rsp + 32]             # e_phoff
    sub rax, [r13 + 8]              # p_offset
    jb 5f
    cmp rax, [r13 + 32]             # p_filesz
    jae 5f
    lea rbx, [rbp + rax]
    add rbx, [r13 + 16]
5:  mov eax, [r13 + 4]              # p_flags: the bits of a protection in the opposite order
    mov edx, eax
    and edx, 2
    bt eax, 2
    adc edx, 0
    and eax, 1
    lea edx, [rdx + rax * 4]
    mov rdi, [r13 + 16]             # p_vaddr
    add rdi, rbp
    mov ecx, edi
    and ecx, 4095
    sub rdi, rcx
    mov rsi, [r13 + 32]             # p_filesz
    test rsi, rsi
    jz 6f
    add rsi, rcx
    mov r8, r12
    mov r9, [r13 + 8]               # p_offset
    sub r9, rcx
    mov r10d, 0x12                  # MAP_PRIVATE | MAP_FIXED
    mov eax, 9                      # mmap
    syscall
    test rax, rax
    js fail
    # What the file does not hold is zeros: all the rest of its last page, which glibc relies on, and pages of their own.
    mov rsi, [r13 + 40]             # p_memsz
    mov rdi, [r13 + 32]
    sub rsi, rdi
    jbe 8f
    add rdi, [r13 + 16]
    add rdi, rbp
    mov rcx, rdi
    neg rcx
    and ecx, 4095
    sub rsi, rcx
    test dl, 2                      # PROT_WRITE
    jz 9f
    xor eax, eax
    rep stosb
9:  add rdi, rcx
    jmp 7f
6:  mov rsi, [r13 + 40]
    test rsi, rsi
    jz 8f
    add rsi, rcx
7:  test rsi, rsi
    jle 8f
    mov r10d, 0x32                  # MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
    call map
8:  add r13, 56
    dec r14d
    jnz 4b

    xor r13d, r13d                  # r13: the interpreter's path
    test r15, r15
    jz 1f
    lea r13, [rip + data + interpreter]
    mov rdi, r12
    mov rsi, r13
    mov rdx, [r15 + 32]
    cmp rdx, 256
    ja fail
    mov r10, [r15 + 8]
    mov eax, 17                     # pread64
    syscall
    cmp rax, rdx
    jne fail
1:  mov rdi, r12
    mov eax, 3                      # close
    syscall
    mov rax, [rsp + 24]             # e_entry
    add rax, rbp
    movzx r9d, word ptr [rsp + 56]
    add rsp, buffer_bytes
    mov r8, rbx
    mov r10, r13
    mov r11, rbp
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

fail:
    mov edi, 2
    lea rsi, [rip + failed]
    mov edx, offset failed_end - failed
    mov eax, 1                      # write
    syscall
    mov edi, 127
    mov eax, 231                    # exit_group
    syscall
    hlt

# Every system call of the guest, with the kernel's rights: number in rax, the rest as `syscall` leaves it.
called:
    cmp eax, 231                    # exit_group
    je ended
    cmp eax, 60                     # exit: of a thread, which is the program's end where there is but one
    jne 1f
    cmp byte ptr [rip + data + threads], 0
    je ended
    jmp pass
1:  cmp eax, 56                     # clone
    je 2f
    cmp eax, 435                    # clone3
    jne 3f
2:  mov byte ptr [rip + data + threads], 1
    jmp pass
    # The kernel takes no life by a signal. By these two, a program ends its own: SIGABRT from abort(), SIGKILL.
3:  cmp eax, 234                    # tgkill
    jne 4f
    cmp edx, 6
    je aborted
    cmp edx, 9
    je aborted
    jmp pass
4:  cmp eax, 200                    # tkill
    je 5f
    cmp eax, 62                     # kill
    jne 6f
5:  mov edx, esi
    cmp esi, 6
    je aborted
    cmp esi, 9
    je aborted
    jmp pass
    # The limit of the stack, which C libraries and libuv give each thread: the kernel's is 64 KiB.
6:  cmp eax, 97                     # getrlimit
    jne 7f
    cmp edi, 3                      # RLIMIT_STACK
    jne pass
    mov r10, rsi
    jmp 8f
7:  cmp eax, 302                    # prlimit64
    jne pass
    cmp esi, 3
    jne pass
    test rdx, rdx                   # a new limit
    jnz pass
8:  test r10, r10
    jz pass
    mov qword ptr [r10], stack_bytes
    mov qword ptr [r10 + 8], -1     # RLIM_INFINITY
    xor eax, eax
    lea rsp, [rsp - 128]            # the program's: what is right below it may be in use
    push r11
    popfq
    lea rsp, [rsp + 128]
    jmp rcx
pass:
    jmp [rip + data + kernel_entry]

aborted:
    lea edi, [rdx + 128]
    mov eax, 231
    # Tells the status (edi) by a mark of link/marks.ts, and lets the kernel do what it does then.
ended:
    mov r8, rax
    mov r9, rdi
    mov r10, rcx                    # where the call would go back to
    lea rsi, [rip + mark]
    mov ecx, offset mark_end - mark
    call say
    movzx eax, r9b
    mov ecx, 100
    call digit
    mov ecx, 10
    call digit
    mov ecx, 1
    call digit
    lea rsi, [rip + mark_end]
    mov ecx, 2
    call say
    mov rax, r8
    mov rdi, r9
    mov rcx, r10
    jmp [rip + data + kernel_entry]

# Writes a digit of eax, that of ecx's weight, and leaves the rest in eax.
digit:
    xor edx, edx
    div ecx
    add al, '0'
    mov [rip + data + interpreter], al
    lea rsi, [rip + data + interpreter]
    push rdx
    mov ecx, 1
    call say
    pop rax
    ret

# Writes ecx bytes at rsi to the first serial port.
say:
    mov dx, com1 + 5
1:  in al, dx
    test al, 0x20                   # room for a byte
    jz 1b
    mov dx, com1
    lodsb
    out dx, al
    loop say
    ret

starts:
    .ascii "ufr: the program starts\n"
starts_end:
failed:
    .ascii "ufr: the program cannot be loaded\n"
failed_end:
mark:
    .ascii "\x1b_ufr;exit;"
mark_end:
    .ascii "\x1b\\"
