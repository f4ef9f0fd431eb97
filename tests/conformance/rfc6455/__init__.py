"""RFC 6455, section by section, against our server: `make rfc6455` runs all of it, the tests a fast part."""
