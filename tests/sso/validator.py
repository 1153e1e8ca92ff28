"""What the tests' OpenID Connect provider says of somebody: in the token itself and, the number, in its userinfo."""

from oauth2_provider.oauth2_validators import OAuth2Validator


class Validator(OAuth2Validator):
    oidc_claim_scope = None

    def get_additional_claims(self, request):
        return {"preferred_username": request.user.username, "sid": f"session-{request.user.pk}"}

    def get_userinfo_claims(self, request):
        return super().get_userinfo_claims(request) | {"employee_number": request.user.last_name}
