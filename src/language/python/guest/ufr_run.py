"""Runs a web function or a program as the interpreter would (`python FILE`, `-m MODULE`, `-c CODE`), after two things
are set up: what it prints is seen at once, and the host is told when its first server takes connections.

A module of its own does this, and not the interpreter, because on OSv the interpreter takes any file for a terminal
(the file system answers every ioctl with success) and would read the program as if somebody typed it.
"""
import os
import sys

from ufr_guest import OWN_FOLDER, mend, write_mark


def watch(port):
    """Tells the host when the first server takes connections; the host waits for one on this port."""
    import _thread
    import socket
    import time

    told = set()
    process = os.getpid()

    def tell(address):
        # What a program forks (where a kernel has that) shares its sockets.
        if not isinstance(address, tuple) or address[1] in told or os.getpid() != process:
            return
        told.add(address[1])
        # Where only the guest itself can connect, the host has to know, or it would wait in vain.
        inside = address[0].startswith('127.') or address[0] == '::1'
        write_mark(f'ready;{address[1]};{address[0]}' if inside else f'ready;{address[1]}')

    # asyncio, http.server, socketserver, wsgiref, gunicorn and most others listen by this.
    listen = socket.socket.listen

    def telling_listen(self, *arguments):
        listen(self, *arguments)
        try:
            tell(self.getsockname())
        except OSError:
            pass

    telling_listen.__name__ = telling_listen.__qualname__ = 'listen'
    socket.socket.listen = telling_listen

    # Servers in C, such as uvloop's, do not: so somebody in the guest knocks at the port that the host waits for.
    def knock():
        while not told:
            time.sleep(0.25)
            try:
                with socket.create_connection(('127.0.0.1', port), 1):
                    tell(('0.0.0.0', port))
            except OSError:
                pass

    _thread.start_new_thread(knock, ())


def new_main(**names):
    """A module `__main__` for the program, as the interpreter makes one."""
    main = type(sys)('__main__')
    sys.modules['__main__'] = main
    vars(main).update(names, __builtins__=__builtins__)
    return vars(main)


def run_file(name):
    file = os.path.abspath(name)
    if os.path.isdir(file) or file.endswith(('.pyz', '.zip')):
        import runpy

        return runpy.run_path(file, run_name='__main__')
    # As the interpreter does; links are followed.
    sys.path[0] = os.path.dirname(os.path.realpath(file))
    with open(file, 'rb') as source:
        code = compile(source.read(), file, 'exec', dont_inherit=True)
    exec(code, new_main(__file__=file, __cached__=None))


def run_module(name):
    import runpy

    runpy.run_module(name, run_name='__main__', alter_sys=True)


def main():
    for stream in (sys.stdout, sys.stderr):
        # Guests have no terminal that would have Python do this by itself.
        stream.reconfigure(line_buffering=True)
    mend()
    _, port, what, *arguments = sys.argv
    if port != '-':
        watch(int(port))
    try:
        if what == '-m':
            sys.argv[:] = arguments
            run_module(arguments[0])
        elif what == '-c':
            sys.argv[:] = ['-c', *arguments[1:]]
            sys.path[0] = ''
            exec(compile(arguments[0], '<string>', 'exec', dont_inherit=True), new_main())
        else:
            sys.argv[:] = [what, *arguments]
            run_file(what)
    except SystemExit:
        raise
    except BaseException as error:
        # Without our own frames, as if nobody had been in between.
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith((OWN_FOLDER, '<frozen runpy')):
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        sys.exit(1)


main()
