import sys


def lambda_handler(event, context):
    print('request', context.aws_request_id)
    return {'message': f"Hello, {event.get('name', 'world')}!", 'python': sys.version.split()[0]}
