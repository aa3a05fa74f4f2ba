"""Problems of imports. What is wrong with single documents of a file is no problem answer but stands in the report."""

from app.errors import Problem


class TooManyImports(Problem):
    """The organisation has as many imports that are not finished as one may have."""

    status = 409
    code = "too_many_imports"
    title = "Too many imports are waiting"
    remedy = (
        "An organisation has at most 20 imports that are not finished, and they are done one after the other. Wait for "
        "the oldest, then send the file again."
    )
    example_detail = "20 imports of this organisation are not finished."


class UploadBrokenOff(Problem):
    """The connection ended before the file did."""

    status = 400
    code = "upload_broken_off"
    title = "The upload broke off"
    remedy = "The connection ended before the whole file had come: nothing of it was imported. Send it again."
    example_detail = "The connection ended after 1048576 bytes."
