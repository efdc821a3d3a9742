"""The services' errors in AWS's words, where more than one operation gives them."""

from newel.errors import ServiceError


def state_machine_does_not_exist(arn: str) -> ServiceError:
    return ServiceError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def state_machine_deleting(arn: str) -> ServiceError:
    return ServiceError("StateMachineDeleting", f"State Machine Deleting: '{arn}'")


def execution_does_not_exist(arn: str) -> ServiceError:
    return ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def execution_already_exists(arn: str) -> ServiceError:
    return ServiceError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")


def activity_does_not_exist(arn: str) -> ServiceError:
    return ServiceError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")


def type_not_supported() -> ServiceError:
    message = "This operation is not supported by this type of state machine"
    return ServiceError("StateMachineTypeNotSupported", message)


def missing_resource() -> ServiceError:
    """How aliases say that something they name is not there."""
    return ServiceError("ResourceNotFound", "Request references a resource that does not exist.")


def quota_exceeded(message: str) -> ServiceError:
    return ServiceError("ServiceQuotaExceededException", message)
