"""What RFC 9110 and RFC 9112 ask of a server, rule by rule, under gevent's pywsgi and under our gunicorn worker."""
