"""What both of ours in a guest need: marks for the host, something to do when a module is loaded, and remedies for what
a unikernel does otherwise than Python expects. Little is imported here; see ufr_handler.py.
"""
import sys
import time
from os import uname, write

# Where our own code is, for tracebacks that are about a function.
OWN_FOLDER = (lambda: None).__code__.co_filename.rpartition('/')[0] + '/'


def write_mark(text):
    """Tells the host something on the console (its side is link/marks.ts)."""
    sys.stdout.flush()
    mark = f'\x1b_ufr;{text}\x1b\\'.encode()
    while mark:
        try:
            mark = mark[write(1, mark) :]
        except BlockingIOError:
            # A pipe that the function has filled up: nothing else will be told, so this has to wait.
            time.sleep(0.005)


def frames_of(trace):
    """A traceback in the form in which AWS reports it, without frames of ours and of the import system."""
    import traceback

    foreign = ('<frozen importlib', OWN_FOLDER)
    return traceback.format_list([each for each in traceback.extract_tb(trace) if not each.filename.startswith(foreign)])


class ImportHook:
    """A finder that finds nothing itself, and calls somebody when a module that they wait for has been loaded."""

    actions = {}

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        action = cls.actions.pop(name, None)
        if action is None:
            return None
        if not cls.actions:
            sys.meta_path.remove(cls)
        for finder in sys.meta_path:
            spec = None if finder is cls else finder.find_spec(name, path, target)
            if spec is not None:
                break
        else:
            return None
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            action(module)

        spec.loader.exec_module = exec_module
        return spec


def when_imported(name, action):
    if not ImportHook.actions:
        sys.meta_path.insert(0, ImportHook)
    ImportHook.actions[name] = action


def mend():
    """Called first of all. Each remedy looks for what it is for: on a kernel that has it, Python stays as it is."""
    try:
        time.sleep(1e-9)
    except OSError:
        mend_sleep()
        mend_files()
        when_imported('socket', mend_socket)
    if uname().sysname == 'Unikraft':
        mend_sleep()


def mend_sleep():
    """Python sleeps by clock_nanosleep until a point in time (since 3.11). OSv has no such thing, and in Unikraft it
    returns at once."""
    import select

    def sleep(seconds):
        if seconds < 0:
            raise ValueError('sleep length must be non-negative')
        select.select((), (), (), seconds)

    time.sleep = sleep


def mend_files():
    """OSv's file systems answer FIOCLEX, by which Python marks files that tempfile opens, with EINVAL. Once a file of
    another kind has said that it knows no such thing, Python does so by fcntl, for good."""
    import os

    for end in os.pipe():
        os.set_inheritable(end, False)
        os.close(end)


def mend_socket(socket):
    """What event loops begin with, on OSv."""
    import os
    from fcntl import F_GETFL, F_SETFL, fcntl

    # The ends of its socketpairs are pipes, which Python does not take for sockets.
    def socketpair(family=None, type=socket.SOCK_STREAM, proto=0):
        with socket.socket() as listener:
            listener.bind(('127.0.0.1', 0))
            # Not by the method that ufr_run.py puts in its place: the host need not know.
            super(socket.socket, listener).listen(1)
            end = socket.socket()
            try:
                end.connect(listener.getsockname())
                while True:
                    other, address = listener.accept()
                    if address == end.getsockname():
                        return end, other
                    other.close()
            except BaseException:
                end.close()
                raise

    # Python sets this by ioctl, which fcntl knows nothing of there, and asks fcntl before signals may go to a socket.
    setblocking = socket.socket.setblocking

    def setblocking_twice(self, flag):
        setblocking(self, flag)
        flags = fcntl(self, F_GETFL)
        fcntl(self, F_SETFL, flags & ~os.O_NONBLOCK if flag else flags | os.O_NONBLOCK)

    socket.socketpair = socketpair
    socket.socket.setblocking = setblocking_twice
