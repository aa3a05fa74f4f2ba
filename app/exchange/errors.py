"""Problems of imports. What is wrong with single documents of a file is no problem answer but stands in the report."""

from app.errors import Problem


class UploadBrokenOff(Problem):
    """The connection ended before the file did."""

    status = 400
    code = "upload_broken_off"
    title = "The upload broke off"
    remedy = "The connection ended before the whole file had come: nothing of it was imported. Send it again."
    example_detail = "The connection ended after 1048576 bytes."
