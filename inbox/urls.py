"""Everybody's inbox, how each wants to be told, and what became of the sending."""

from django.urls import path

from inbox.views import messages, preferences, sendings

app_name = "inbox"
urlpatterns = [
    path("messages/", messages.message_list, name="message_list"),
    path("messages/read/", messages.messages_read, name="messages_read"),
    path("messages/<int:pk>/", messages.message_detail, name="message_detail"),
    path("messages/<int:pk>/read/", messages.message_read, name="message_read"),
    path("account/reminders/", preferences.preference, name="preference"),
    path("sendings/", sendings.sending_list, name="sending_list"),
    path("sendings/again/", sendings.sendings_again, name="sendings_again"),
    path("sendings/<int:pk>/again/", sendings.sending_again, name="sending_again"),
]
