"""Supervisors as in OTP, of use without the rest of Nuphar."""
