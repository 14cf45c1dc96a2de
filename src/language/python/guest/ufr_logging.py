"""Loaded when a function loads the module logging."""
import sys
import time
from os import environ

from ufr_guest import frames_of


def set_up_logging(logging, current):
    """Sets the module logging up as AWS does, for `current()` to tell the invocation that runs."""
    as_json = environ.get('AWS_LAMBDA_LOG_FORMAT', '').upper() == 'JSON'

    class LambdaFormatter(logging.Formatter):
        converter = time.gmtime

        def format(self, record):
            request_id = record.aws_request_id = current() or ''
            if not as_json:
                return super().format(record)
            import json

            entry = {
                'timestamp': f'{self.formatTime(record, self.datefmt)}Z',
                'level': record.levelname,
                'message': record.getMessage(),
                'logger': record.name,
            }
            if record.exc_info:
                kind, error, trace = record.exc_info
                entry.update(stackTrace=frames_of(trace), errorType=kind.__name__, errorMessage=str(error))
            if request_id:
                entry['requestId'] = request_id
            return json.dumps(entry, default=str, ensure_ascii=False)

    class LambdaHandler(logging.Handler):
        def emit(self, record):
            try:
                sys.stdout.write(self.format(record) + '\n')
                sys.stdout.flush()
            except Exception:
                self.handleError(record)

    handler = LambdaHandler()
    line = '[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s'
    handler.setFormatter(LambdaFormatter(line, '%Y-%m-%dT%H:%M:%S'))
    logging.root.addHandler(handler)
    level = environ.get('AWS_LAMBDA_LOG_LEVEL', '').upper()
    levels = {'TRACE': 'DEBUG', 'FATAL': 'CRITICAL', 'WARN': 'WARNING'}
    if level:
        logging.root.setLevel(getattr(logging, levels.get(level, level), logging.WARNING))
