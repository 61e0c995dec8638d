"""The stand-in `aws` and `awsx` Pulumi providers: each resource becomes boto3 calls to the emulators."""
