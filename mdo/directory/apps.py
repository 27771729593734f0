from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "mdo.directory"
    label = "directory"
