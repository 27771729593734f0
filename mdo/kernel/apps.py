from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "mdo.kernel"
    label = "kernel"
