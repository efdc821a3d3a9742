"""Map states: modes, what only a distributed Map has, and how an ItemReader must be configured."""

from __future__ import annotations

from typing import Final, cast

from newel.json import Json
from newel.language.checks.report import Context, MachineType
from newel.language.resource import UnrecognizedResourceError, parse_data_resource
from newel.language.walk import processor_mode

_DISTRIBUTED_ONLY: Final = ("ItemReader", "ItemBatcher", "ResultWriter")
_BATCH_BOUNDS: Final = ("MaxItemsPerBatch", "MaxInputBytesPerBatch")
_CSV_ONLY: Final = ("CSVHeaderLocation", "CSVHeaders", "CSVDelimiter")


def child_type(processor: Json, context: Context) -> MachineType:
    """The type of the executions an item processor's states run in."""
    if not isinstance(processor, dict) or processor_mode(processor) == "INLINE":
        return context.machine_type
    execution_type = processor["ProcessorConfig"].get("ExecutionType")
    return cast("MachineType", execution_type) if execution_type in ("STANDARD", "EXPRESS") else "STANDARD"


def check_map(state: dict[str, Json], location: str, context: Context) -> None:
    """Fields that need distributed mode, and distributed mode that needs a Standard machine."""
    name = "ItemProcessor" if "ItemProcessor" in state else "Iterator"
    processor = state.get(name)
    if not isinstance(processor, dict):
        return
    if processor_mode(processor) == "INLINE":
        for field in _DISTRIBUTED_ONLY:
            if field in state:
                context.report.error(f"Field '{field}' is not supported", location)
    elif context.machine_type == "EXPRESS":
        context.report.error(
            "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines",
            f"{location}/{name}/ProcessorConfig/Mode",
        )


def check_processor_config(config: dict[str, Json], location: str, context: Context) -> None:
    """ExecutionType belongs to distributed mode, and only there."""
    if config.get("Mode") == "DISTRIBUTED":
        if "ExecutionType" not in config:
            context.report.error("These fields are required: [ExecutionType]", location)
    elif "ExecutionType" in config:
        context.report.error("Field 'ExecutionType' is not supported", location)


def check_item_reader(reader: dict[str, Json], location: str, context: Context) -> None:
    """An object is read in a format that has to be named; a listing is not."""
    try:
        action = parse_data_resource(str(reader.get("Resource"))).action
    except UnrecognizedResourceError:
        return
    if action == "getObject" and "ReaderConfig" not in reader:
        context.report.error("These fields are required: [ReaderConfig]", location)


def check_item_batcher(batcher: dict[str, Json], location: str, context: Context) -> None:
    """Batches have a bound."""
    if not any(name.startswith(_BATCH_BOUNDS) for name in batcher):
        context.report.error(f"At least one of these fields is required: [{', '.join(_BATCH_BOUNDS)}]", location)


def check_reader_config(config: dict[str, Json], location: str, context: Context) -> None:
    """Headers belong to CSV; an Athena manifest's CSV files have none."""
    input_type = config.get("InputType")
    if input_type == "CSV":
        if "CSVHeaderLocation" not in config and config.get("ManifestType") is None:
            context.report.error("The field 'CSVHeaderLocation' is required", location)
    elif input_type is not None and input_type != "MANIFEST":
        for name in _CSV_ONLY:
            if name in config:
                context.report.error(f"Field '{name}' is not supported", location)
    if config.get("CSVHeaderLocation") == "GIVEN" and "CSVHeaders" not in config:
        context.report.error("These fields are required: [CSVHeaders]", location)
