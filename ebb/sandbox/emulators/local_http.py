"""HTTP requests to this machine, without the user's proxy."""

import urllib.request

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
