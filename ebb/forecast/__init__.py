"""What a configuration will do, before it is deployed: a simulator in virtual time over the scaling model."""
