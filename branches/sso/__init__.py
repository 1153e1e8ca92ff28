"""Campus single sign-on, CAS or OpenID Connect: another server says who it is; what they may do, the portal says.

Nobody gets an account by it: the staff number that comes back must belong to one that is there and in use.
"""
