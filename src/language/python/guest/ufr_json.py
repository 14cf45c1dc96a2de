"""JSON by the scanner and the encoder in C that the module json uses, too: that module itself takes longer to load than
all else of ours.
"""
from _json import encode_basestring, make_encoder, make_scanner


class ScannerSettings:
    """What the scanner of the module json is given for its defaults."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {'NaN': float('nan'), 'Infinity': float('inf'), '-Infinity': float('-inf')}.__getitem__
    memo = {}


def default(value):
    """Numbers of the type Decimal are written as floating point, as AWS's runtime does."""
    if type(value).__name__ == 'Decimal' and type(value).__module__ == 'decimal':
        return float(value)
    raise TypeError(f'Object of type {type(value).__name__} is not JSON serializable')


scan = make_scanner(ScannerSettings)


def parsed(body):
    """`json.loads`, for UTF-8 and what is right; for all else it is asked itself."""
    try:
        text = body.decode().strip(' \t\n\r')
        value, end = scan(text, 0)
        if end == len(text):
            return value
    except Exception:
        # Of what kind does not matter: without the module json, the scanner has no words for what is wrong.
        pass
    import json

    return json.loads(body)


def encoded(result):
    """`json.dumps`, with text as it is, as AWS's runtime writes it."""
    encode = make_encoder({}, default, encode_basestring, None, ': ', ', ', False, False, True)
    return ''.join(encode(result, 0)).encode('utf-8', 'surrogatepass')
