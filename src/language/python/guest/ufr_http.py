"""As much of HTTP as a handler's server needs."""
from _socket import SHUT_WR

from ufr_json import encoded

# AWS's limit of 6 MiB is the business of whoever is called by users; this one protects the guest's memory.
MAX_EVENT_BYTES = 32 * 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024
# A host that stops in the middle of a request is waited for this long, in seconds.
PATIENCE = 30

REASONS = {200: 'OK', 400: 'Bad Request', 404: 'Not Found', 405: 'Method Not Allowed', 413: 'Content Too Large'}


class BadRequest(Exception):
    """What never gets to the function: a status, AWS's type and a message."""


class Disconnected(Exception):
    pass


class Connection:
    """One request: RFC 9112, as much of it as an HTTP client needs that has events to bring."""

    def __init__(self, socket):
        self.socket = socket
        self.buffer = b''
        socket.settimeout(PATIENCE)

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise Disconnected
        self.buffer += data

    def until(self, end):
        while True:
            at = self.buffer.find(end)
            if at >= 0:
                found, self.buffer = self.buffer[:at], self.buffer[at + len(end) :]
                return found.decode('latin-1')
            if len(self.buffer) > MAX_HEAD_BYTES:
                raise BadRequest(400, 'InvalidRequestContentException', 'the head of the request is too large')
            self.more()

    def exactly(self, count):
        # In chunks: adding each piece to one string of bytes would take quadratic time.
        pieces, missing = [self.buffer], count - len(self.buffer)
        while missing > 0:
            piece = self.socket.recv(min(missing, 1 << 20))
            if not piece:
                raise Disconnected
            pieces.append(piece)
            missing -= len(piece)
        whole = b''.join(pieces)
        self.buffer = whole[count:]
        return whole[:count]

    def head(self):
        method, _, rest = self.until(b'\r\n').partition(' ')
        headers = {}
        # Without any header, the empty line comes at once.
        while line := self.until(b'\r\n'):
            name, _, value = line.partition(':')
            headers[name.lower()] = value.strip()
        return method, rest.partition(' ')[0].partition('?')[0], headers

    def body(self, headers):
        if headers.get('expect', '').lower() == '100-continue':
            self.socket.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')
        if headers.get('transfer-encoding', '').lower() == 'chunked':
            return self.chunks()
        try:
            length = int(headers.get('content-length') or 0)
        except ValueError:
            length = -1
        if length < 0:
            raise BadRequest(400, 'InvalidRequestContentException', 'the length of the event is no number')
        self.check(length)
        return self.exactly(length)

    def chunks(self):
        pieces, total = [], 0
        while True:
            try:
                size = int(self.until(b'\r\n').partition(';')[0], 16)
            except ValueError:
                size = -1
            if size < 0:
                raise BadRequest(400, 'InvalidRequestContentException', 'the event is chunked in a wrong way')
            total += size
            self.check(total)
            if size == 0:
                while self.until(b'\r\n'):
                    pass
                return b''.join(pieces)
            pieces.append(self.exactly(size))
            self.exactly(2)

    @staticmethod
    def check(length):
        if length > MAX_EVENT_BYTES:
            message = f'the event is larger than {MAX_EVENT_BYTES} bytes'
            raise BadRequest(413, 'RequestTooLargeException', message)

    def answer(self, status, body, headers=()):
        lines = [f'HTTP/1.1 {status} {REASONS[status]}', 'Content-Type: application/json']
        lines += [f'Content-Length: {len(body)}', 'Connection: close', *headers, '', '']
        try:
            self.socket.settimeout(None)
            self.socket.sendall('\r\n'.join(lines).encode('latin-1') + body)
            self.socket.shutdown(SHUT_WR)
        except OSError:
            # The host has gone away; nobody waits for the answer.
            pass

    def answer_error(self, report, headers=()):
        self.answer(200, encoded(report), ('X-Amz-Function-Error: Unhandled', *headers))

    def refuse(self, status, kind, message):
        self.answer(status, encoded({'Type': 'User', 'message': message}), (f'X-Amzn-ErrorType: {kind}',))
        # Closed with bytes of the request unread, the answer could be lost on its way.
        left = 2 * MAX_EVENT_BYTES
        self.socket.settimeout(1)
        try:
            while left > 0 and (piece := self.socket.recv(1 << 16)):
                left -= len(piece)
        except OSError:
            pass
