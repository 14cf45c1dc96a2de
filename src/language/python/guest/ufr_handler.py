"""The guest's side of a handler: an HTTP server that takes events from the host, one at a time, and calls the handler.

Little is imported here, and only what is built into the interpreter: each module of the standard library costs
milliseconds at start, and ten times that where the guest is emulated. What a function does not use is never loaded.
"""
import _socket
import select
import sys
import time
from os import environ, urandom

from ufr_guest import frames_of, mend, when_imported, write_mark
from ufr_http import BadRequest, Connection, Disconnected
from ufr_json import encoded, parsed

# Where AWS's own runtime interface emulator takes events.
INVOCATION_PATH = '/2015-03-31/functions/function/invocations'
# AWS's limit: 6 MiB and 100 bytes.
MAX_RESULT_BYTES = 6 * 1024 * 1024 + 100
# What AWS's runtime interface emulator takes where nobody says how long a function may run.
DEFAULT_TIMEOUT_MS = 300_000

# Of the invocation that runs now; what is logged carries it.
request_id = None


class RuntimeFailure(Exception):
    """A failure that AWS's runtime notices itself; nearly all of its types begin with `Runtime.`."""

    def __init__(self, kind, message, frames=(), prefix='Runtime.'):
        super().__init__(message)
        self.kind = prefix + kind
        self.frames = list(frames)


class CognitoIdentity:
    __slots__ = ('cognito_identity_id', 'cognito_identity_pool_id')

    def __init__(self, known):
        self.cognito_identity_id = known.get('cognitoIdentityId')
        self.cognito_identity_pool_id = known.get('cognitoIdentityPoolId')


class Client:
    __slots__ = ('installation_id', 'app_title', 'app_version_name', 'app_version_code', 'app_package_name')

    def __init__(self, known):
        for name in self.__slots__:
            setattr(self, name, known.get(name))


class ClientContext:
    __slots__ = ('custom', 'env', 'client')

    def __init__(self, known):
        self.custom = known.get('custom')
        self.env = known.get('env')
        client = known.get('client')
        self.client = Client(client) if isinstance(client, dict) else None


class LambdaContext:
    """The `context` that a handler gets, as AWS documents it for Python, made from the Runtime API's headers."""

    def __init__(self, headers):
        self.aws_request_id = headers.get('lambda-runtime-aws-request-id') or random_id()
        self.function_name = environ.get('AWS_LAMBDA_FUNCTION_NAME')
        self.function_version = environ.get('AWS_LAMBDA_FUNCTION_VERSION')
        self.memory_limit_in_mb = environ.get('AWS_LAMBDA_FUNCTION_MEMORY_SIZE')
        self.log_group_name = environ.get('AWS_LAMBDA_LOG_GROUP_NAME')
        self.log_stream_name = environ.get('AWS_LAMBDA_LOG_STREAM_NAME')
        region = environ.get('AWS_REGION', 'us-east-1')
        default_arn = f'arn:aws:lambda:{region}:000000000000:function:{self.function_name or "function"}'
        self.invoked_function_arn = headers.get('lambda-runtime-invoked-function-arn') or default_arn
        self.tenant_id = headers.get('lambda-runtime-aws-tenant-id')
        client = headers.get('lambda-runtime-client-context')
        self.client_context = ClientContext(parsed_object('client context', client)) if client else None
        identity = headers.get('lambda-runtime-cognito-identity')
        self.identity = CognitoIdentity(parsed_object('Cognito identity', identity) if identity else {})
        # A guest restored from a snapshot has a wall clock as old as the snapshot, so a deadline told as time left,
        # counted on the clock that only goes forward, goes before one told as a date.
        left = headers.get('ufr-deadline-in-ms')
        date = headers.get('lambda-runtime-deadline-ms')
        if left is None:
            left = float(date) - time.time() * 1000 if date else DEFAULT_TIMEOUT_MS
        self._end = time.monotonic() * 1000 + float(left)

    def get_remaining_time_in_millis(self):
        return max(int(self._end - time.monotonic() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))
        sys.stdout.flush()

    def __repr__(self):
        known = ','.join(f'{name}={value}' for name, value in vars(self).items() if name[0] != '_')
        return f'LambdaContext([{known}])'


def random_id():
    """A random UUID (RFC 9562, version 4), without what has to be loaded for the module uuid."""
    data = bytearray(urandom(16))
    data[6] = data[6] & 0x0F | 0x40
    data[8] = data[8] & 0x3F | 0x80
    text = data.hex()
    return '-'.join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def parsed_object(what, text):
    value = parsed(text.encode('latin-1'))
    if not isinstance(value, dict):
        raise ValueError(f'the {what} is no JSON object')
    return value


def report_of(error):
    """What is answered for an exception. Never raises itself: what an exception's own methods do is up to them."""
    try:
        if isinstance(error, RuntimeFailure):
            report = {'errorMessage': str(error), 'errorType': error.kind}
            frames = error.frames
        else:
            report = {'errorMessage': str(error), 'errorType': type(error).__name__}
            frames = frames_of(error.__traceback__)
    except Exception as failure:
        report = {'errorMessage': f'what was raised cannot be shown: {type(failure).__name__}', 'errorType': 'Error'}
        frames = []
    report['requestId'] = request_id or ''
    report['stackTrace'] = frames
    return report


def log_failure(report):
    """Writes a failure to the function's log, as AWS does."""
    text = f'[ERROR] {report["errorType"]}: {report["errorMessage"]}'
    if report['stackTrace']:
        text += '\nTraceback (most recent call last):\n' + ''.join(report['stackTrace']).rstrip('\n')
    try:
        sys.stdout.write(text + '\n')
        sys.stdout.flush()
    except Exception:
        pass


def set_up_logging(logging):
    import ufr_logging

    ufr_logging.set_up_logging(logging, lambda: request_id)


def load_handler(name):
    """Finds and loads what a handler string such as `package/module.function` names, by AWS's rules."""
    module_name, dot, function = name.rpartition('.')
    if not dot or not module_name:
        raise RuntimeFailure('MalformedHandlerName', f"Bad handler '{name}': it has to be module.function")
    module_name = module_name.replace('/', '.')
    try:
        if module_name in sys.builtin_module_names:
            raise ImportError(f'Cannot use built-in module {module_name} as a handler module')
        __import__(module_name)
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise RuntimeFailure('ImportModuleError', message, frames_of(error.__traceback__)) from error
    except SyntaxError as error:
        where = f'  File "{error.filename}" Line {error.lineno}\n    {(error.text or "").strip()}\n'
        message = f"Syntax error in module '{module_name}': {error}"
        raise RuntimeFailure('UserCodeSyntaxError', message, [where]) from error
    module = sys.modules[module_name]
    try:
        handler = getattr(module, function)
    except AttributeError:
        raise RuntimeFailure('HandlerNotFound', f"Handler '{function}' missing on module '{module_name}'") from None
    if not callable(handler):
        kind = type(handler).__name__
        raise RuntimeFailure('HandlerNotFound', f"Handler '{function}' of module '{module_name}' is a {kind}")
    return handler


class Server:
    def __init__(self):
        self.handler = None
        self.init_error = None

    def take(self, connection):
        try:
            method, path, headers = connection.head()
            if path != INVOCATION_PATH:
                message = f'events go to POST {INVOCATION_PATH}'
                raise BadRequest(404, 'ResourceNotFoundException', message)
            if method != 'POST':
                message = f'events come by POST, not by {method}'
                raise BadRequest(405, 'InvalidRequestContentException', message)
            body = connection.body(headers)
            try:
                event = parsed(body) if body else {}
                context = LambdaContext(headers)
            except (ValueError, RecursionError) as error:
                message = f'the event cannot be read as JSON: {error}'
                raise BadRequest(400, 'InvalidRequestContentException', message) from None
        except BadRequest as bad:
            return connection.refuse(*bad.args)
        except (OSError, Disconnected):
            return
        trace_id = headers.get('lambda-runtime-trace-id')
        if trace_id is not None:
            environ['_X_AMZN_TRACE_ID'] = trace_id
        else:
            environ.pop('_X_AMZN_TRACE_ID', None)
        self.invoke(connection, event, context)

    def invoke(self, connection, event, context):
        global request_id
        request_id = context.aws_request_id
        try:
            if self.init_error is not None:
                report = {**self.init_error, 'requestId': request_id}
                return connection.answer_error(report, ('X-Ufr-Init-Error: 1',))
            try:
                result = self.handler(event, context)
                try:
                    body = encoded(result)
                except (TypeError, ValueError, RecursionError) as error:
                    raise RuntimeFailure('MarshalError', f'Unable to marshal response: {error}') from error
                if len(body) > MAX_RESULT_BYTES:
                    size = f'the result has {len(body)} bytes of JSON'
                    message = f'{size}, and the most that can be answered is {MAX_RESULT_BYTES}'
                    raise RuntimeFailure('ResponseSizeTooLarge', message, prefix='Function.')
            # SystemExit is no Exception: the process ends then, as on AWS, and the host says how.
            except Exception as error:
                report = report_of(error)
                log_failure(report)
                return connection.answer_error(report)
            connection.answer(200, body)
        finally:
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except Exception:
                    pass
            request_id = None

    def load(self, name):
        try:
            self.handler = load_handler(name)
        except Exception as error:
            report = report_of(error)
            log_failure(report)
            self.init_error = report

    def serve(self, listener):
        # A connection that brings nothing yet keeps nobody else from being served.
        kind = listener.family, listener.type, listener.proto
        poll = select.poll()
        poll.register(listener.fileno(), select.POLLIN)
        waiting = {}
        while True:
            for number, _ in poll.poll():
                if number == listener.fileno():
                    accepted, _ = listener._accept()
                    # All said: what is not, Python asks the kernel for, and lwip (Unikraft) does not answer.
                    waiting[accepted] = _socket.socket(*kind, accepted)
                    poll.register(accepted, select.POLLIN)
                else:
                    poll.unregister(number)
                    socket = waiting.pop(number)
                    try:
                        self.take(Connection(socket))
                    finally:
                        socket.close()


def listen():
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    try:
        listener.bind(('0.0.0.0', int(environ.get('UFR_PORT', '8080'))))
        listener.listen(128)
    except OSError as error:
        sys.exit(f"ufr: the handler's server cannot listen: {error}")
    return listener


def main():
    task = environ.get('LAMBDA_TASK_ROOT', '/var/task')
    layer = '/opt/python'
    version = 'python%d.%d' % sys.version_info[:2]
    sys.path[0:1] = [task, f'{layer}/lib/{version}/site-packages', layer]
    sys.argv[:] = [sys.executable or '']
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    mend()
    when_imported('logging', set_up_logging)
    server = Server()
    listener = listen()
    server.load(environ.get('_HANDLER', 'lambda_function.lambda_handler'))
    write_mark(f'ready;{listener.getsockname()[1]}')
    server.serve(listener)


main()
