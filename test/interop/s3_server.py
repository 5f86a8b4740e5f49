"""
An S3 server: moto's, an emulator, which keeps objects in memory. It checks signatures and rights as AWS does, for one user who may do everything in
S3. Prints where it is and that user's key as one line of JSON, and ends when standard input does.
"""

import json
import sys

import boto3
from moto import settings
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
endpoint = f"http://127.0.0.1:{server.get_host_and_port()[1]}"


def client(service: str):
    first = {"aws_access_key_id": "first", "aws_secret_access_key": "first", "region_name": "eu-central-1"}
    return boto3.client(service, endpoint_url=endpoint, **first)


client("s3").create_bucket(Bucket="mta-demo", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
iam = client("iam")
iam.create_user(UserName="mta")
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="mta", PolicyName="s3", PolicyDocument=json.dumps(everything))
key = iam.create_access_key(UserName="mta")["AccessKey"]
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0  # from now on, everyone is asked who they are

print(json.dumps({"endpoint": endpoint, "accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}), flush=True)
sys.stdin.read()
