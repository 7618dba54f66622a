"""Public data sets as their authors store them: which masks belong to which images, on which side."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.data.layout.trees import find, make_tree, pairs
from trainer.data.item import Side


@dataclass(frozen=True)
class Layout:
    """Pairs of patterns `image > mask` of each side, in which {} stands for 0, 1, 2, and files that are not read."""

    train: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()  # without ` > mask` where it has none
    unread: tuple[str, ...] = ()


LAYOUTS = {
    "images_masks": Layout(("images/im_{}.png > masks/im_{}.png",)),
    "isbi": Layout(("image/{}.png > label/{}.png",), test=("test/{}.png",), unread=("test/{}_predict.png",)),
    "cwfid": Layout(("images/00{}_image.png > annotations/00{}_annotation.png",), unread=("README.md",)),
    "drive": Layout(
        ("training/images/2{}_training.tif > training/1st_manual/2{}_manual1.gif",),
        test=("test/images/0{}_test.tif > test/1st_manual/0{}_manual1.gif",),
    ),
    "drive_with_fields_of_view": Layout(
        ("training/images/2{}_training.tif > training/1st_manual/2{}_manual1.gif",),
        test=("test/images/0{}_test.tif > test/1st_manual/0{}_manual1.gif",),
        unread=(
            "training/mask/2{}_training_mask.gif",
            "test/mask/0{}_test_mask.gif",
            "test/2nd_manual/0{}_manual2.gif",
        ),
    ),
    "parts_above": Layout(
        ("train/images/{}.jpg > train/masks/{}.png",),
        ("val/images/{}.jpg > val/masks/{}.png",),
        ("test/images/{}.jpg > test/masks/{}.png",),
    ),
    "parts_below": Layout(
        ("images/train/{}.jpg > masks/train/{}.png",),
        ("images/val/{}.jpg > masks/val/{}.png",),
        ("images/test/{}.jpg",),
    ),
    "ade20k": Layout(
        ("ADEChallengeData2016/images/training/ADE_train_{}.jpg > "
         "ADEChallengeData2016/annotations/training/ADE_train_{}.png",),
        ("ADEChallengeData2016/images/validation/ADE_val_{}.jpg > "
         "ADEChallengeData2016/annotations/validation/ADE_val_{}.png",),
        unread=("ADEChallengeData2016/objectInfo150.txt",),
    ),
    "camvid": Layout(
        ("train/000{}TP_1.png > trainannot/000{}TP_1.png",),
        ("val/001{}TP_1.png > valannot/001{}TP_1.png",),
        ("test/002{}TP_1.png > testannot/002{}TP_1.png",),
        unread=("train.txt", "val.txt"),
    ),
    "camvid_original": Layout(("images/0001TP_{}.png > labels/0001TP_{}_L.png",)),
    "camvid_kaggle": Layout(
        ("CamVid/train/0001TP_{}.png > CamVid/train_labels/0001TP_{}_L.png",),
        ("CamVid/val/0016E5_{}.png > CamVid/val_labels/0016E5_{}_L.png",),
        ("CamVid/test/Seq05_{}.png > CamVid/test_labels/Seq05_{}_L.png",),
        unread=("CamVid/class_dict.csv",),
    ),
    "nnunet": Layout(
        ("imagesTr/liver_{}_0000.png > labelsTr/liver_{}.png",),
        test=("imagesTs/liver_1{}_0000.png > labelsTs/liver_1{}.png",),
        unread=("dataset.json",),
    ),
    "nnunet_without_test_labels": Layout(
        ("imagesTr/liver_{}_0000.png > labelsTr/liver_{}.png",), test=("imagesTs/liver_1{}_0000.png",)
    ),
    "carvana": Layout(
        ("train/0cdf_{}.jpg > train_masks/0cdf_{}_mask.gif",),
        test=("test/1aba_{}.jpg",),
        unread=("train_hq/0cdf_{}.jpg", "train_masks.csv"),
    ),
    "isic2018": Layout(
        ("ISIC2018_Task1-2_Training_Input/ISIC_000{}.jpg > "
         "ISIC2018_Task1_Training_GroundTruth/ISIC_000{}_segmentation.png",),
        ("ISIC2018_Task1-2_Validation_Input/ISIC_001{}.jpg > "
         "ISIC2018_Task1_Validation_GroundTruth/ISIC_001{}_segmentation.png",),
        ("ISIC2018_Task1-2_Test_Input/ISIC_002{}.jpg",),
    ),
    "isic_prediction": Layout(
        ("ISIC_Training_Data/ISIC_{}.jpg > ISIC_Training_GTPrediction/ISIC_{}_segmentation.png",)
    ),
    "voc": Layout(
        ("VOC2012/JPEGImages/2007_{}.jpg > VOC2012/SegmentationClass/2007_{}.png",),
        unread=("VOC2012/SegmentationObject/2007_{}.png", "VOC2012/Annotations/2007_{}.xml"),
    ),
    "cityscapes": Layout(
        ("leftImg8bit/train/aachen/aachen_{}_leftImg8bit.png > gtFine/train/aachen/aachen_{}_gtFine_labelIds.png",),
        ("leftImg8bit/val/lindau/lindau_{}_leftImg8bit.png > gtFine/val/lindau/lindau_{}_gtFine_labelIds.png",),
        unread=(
            "gtFine/train/aachen/aachen_{}_gtFine_color.png",
            "gtFine/train/aachen/aachen_{}_gtFine_instanceIds.png",
            "gtFine/train/aachen/aachen_{}_gtFine_polygons.json",
            "gtFine/val/lindau/lindau_{}_gtFine_color.png",
            "gtFine/val/lindau/lindau_{}_gtFine_instanceIds.png",
        ),
    ),
    "kitti": Layout(
        ("training/image_2/00{}_10.png > training/semantic/00{}_10.png",),
        test=("testing/image_2/10{}_10.png",),
        unread=("training/semantic_rgb/00{}_10.png", "training/instance/00{}_10.png"),
    ),
    "busi": Layout(
        ("BUSI/benign/benign ({}).png > BUSI/benign/benign ({})_mask.png",
         "BUSI/malignant/malignant ({}).png > BUSI/malignant/malignant ({})_mask.png"),
    ),
    "lgg_mri": Layout(
        ("kaggle_3m/TCGA_CS_1/TCGA_CS_1_{}.tif > kaggle_3m/TCGA_CS_1/TCGA_CS_1_{}_mask.tif",
         "kaggle_3m/TCGA_DU_2/TCGA_DU_2_{}.tif > kaggle_3m/TCGA_DU_2/TCGA_DU_2_{}_mask.tif"),
        unread=("kaggle_3m/data.csv", "kaggle_3m/README.md"),
    ),
    "deepglobe": Layout(
        ("train/{}_sat.jpg > train/{}_mask.png",),
        test=("test/{}_sat.jpg",),
        unread=("valid/{}_sat.jpg", "class_dict.csv"),
    ),
    "suffix_in_one_folder": Layout(("a{}.png > a{}_mask.png",)),
    "prefix_in_one_folder": Layout(("a{}.png > mask_a{}.png",)),
    "both_named_in_one_folder": Layout(("image_{}.png > label_{}.png",)),
    "unknown_suffix_in_one_folder": Layout(("0001TP_{}.png > 0001TP_{}_L.png",)),
    "jpeg_and_png_in_one_folder": Layout(("a{}.jpg > a{}.png",)),
    "one_folder_with_versions": Layout(
        ("a{}.png > a{}_mask.png",), unread=("a{}_mask_vis.png", "a{}_prediction.png")
    ),
    "folder_of_each_image": Layout(("case{}/image.png > case{}/mask.png",)),
    "labelme_dataset": Layout(
        ("a{}_json/img.png > a{}_json/label.png",),
        unread=("a{}_json/label_viz.png", "a{}_json/info.yaml"),
    ),
    "folders_of_each_image": Layout(("c{}/images/x{}.png > c{}/masks/x{}.png",)),
    "tgs_salt": Layout(
        ("train/images/s{}.png > train/masks/s{}.png",), test=("test/images/t{}.png",), unread=("depths.csv",)
    ),
    "masks_below_images": Layout(("a{}.png > masks/a{}.png",)),
    "masks_in_images": Layout(("images/a{}.png > images/masks/a{}.png",)),
    "pets": Layout(
        ("images/cat_{}.jpg > annotations/trimaps/cat_{}.png",),
        unread=("annotations/xmls/cat_{}.xml", "annotations/list.txt"),
    ),
    "massachusetts": Layout(
        ("tiff/train/1{}.tiff > tiff/train_labels/1{}.tif",),
        ("tiff/val/2{}.tiff > tiff/val_labels/2{}.tif",),
        ("tiff/test/3{}.tiff > tiff/test_labels/3{}.tif",),
    ),
    "x_and_y": Layout(("x_train/{}.png > y_train/{}.png",), ("x_val/{}.png > y_val/{}.png",), ("x_test/{}.png",)),
    "upper_case": Layout(("IMAGES/{}.PNG > MASKS/{}.PNG",)),
    "kvasir": Layout(("Kvasir-SEG/images/cju{}.jpg > Kvasir-SEG/masks/cju{}.jpg",), unread=("Kvasir-SEG/boxes.json",)),
    "cvc_clinicdb": Layout(("CVC/Original/{}.tif > CVC/Ground Truth/{}.tif",)),
    "inria": Layout(
        ("AerialImageDataset/train/images/austin{}.tif > AerialImageDataset/train/gt/austin{}.tif",),
        test=("AerialImageDataset/test/images/bellingham{}.tif",),
    ),
    "landcover": Layout(("input/{}.png > target/{}.png",)),
    "chase": Layout(
        ("CHASE/Image_0{}L.jpg > CHASE/Image_0{}L_1stHO.png",),
    ),
    "chase_both": Layout(("images/Image_0{}L.jpg > labels/Image_0{}L_1stHO.png",)),
    "hrf": Layout(("images/0{}_dr.JPG > manual1/0{}_dr.tif",), unread=("mask/0{}_dr_mask.tif",)),
    "crack500": Layout(("traincrop/{}.jpg > traincrop/{}.png",), ("valcrop/{}.jpg > valcrop/{}.png",)),
    "bdd100k": Layout(
        ("images/10k/train/a{}.jpg > labels/sem_seg/masks/train/a{}.png",),
        ("images/10k/val/b{}.jpg > labels/sem_seg/masks/val/b{}.png",),
        unread=("labels/sem_seg/colormaps/train/a{}.png", "labels/sem_seg/colormaps/val/b{}.png"),
    ),
    "sequences": Layout(
        ("images/seg_1/f{}.png > masks/seg_1/f{}.png", "images/seg_2/f{}.png > masks/seg_2/f{}.png"),
    ),
    "nested_data_folder": Layout(("data/images/{}.png > data/masks/{}.png",)),
    "parts_in_data": Layout(
        ("data/train/images/{}.png > data/train/masks/{}.png",), ("data/dev/images/{}.png > data/dev/masks/{}.png",)
    ),
    "coco_stuff": Layout(
        ("images/train2017/0{}.jpg > annotations/train2017/0{}.png",),
        ("images/val2017/1{}.jpg > annotations/val2017/1{}.png",),
    ),
    "two_sets": Layout(("images_1/a{}.png > masks_1/a{}.png", "images_2/b{}.png > masks_2/b{}.png")),
    "two_sets_below": Layout(
        ("north/images/a{}.png > north/masks/a{}.png", "south/images/b{}.png > south/masks/b{}.png")
    ),
    "roboflow": Layout(
        ("train/im{}_jpg.rf.0f.jpg > train/im{}_jpg.rf.0f_mask.png",),
        ("valid/im{}_jpg.rf.1f.jpg > valid/im{}_jpg.rf.1f_mask.png",),
        unread=("train/_classes.csv", "valid/_classes.csv"),
    ),
    "supervised_glas": Layout(("train_{}.bmp > train_{}_anno.bmp",), unread=("Grade.csv",)),
    "mixed_suffixes": Layout(("images/a{}.png > masks/a{}.png", "images/b{}.tif > masks/b{}.png")),
    "flat_masks": Layout(("images/p1/a{}.png > masks/a{}.png", "images/p2/b{}.png > masks/b{}.png")),
    "dots_in_names": Layout(("images/site_A.v{}.png > masks/site_A.v{}.png",)),
    "validation_without_masks": Layout(("train/images/{}.png > train/masks/{}.png",), unread=("val/images/9{}.png",)),
    "test_with_suffix": Layout(("images/{}.png > masks/{}.png",), test=("test/t{}.png > test/t{}_mask.png",)),
    "sam_parts": Layout(("train_images/{}.png > train_masks/{}.png",), ("val_images/{}.png > val_masks/{}.png",)),
}  # fmt: skip


def spread(patterns: tuple[str, ...]) -> list[str]:
    """Patterns with 0, 1 and 2."""
    return [pattern.replace("{}", str(number)) for pattern in patterns for number in range(3 if "{}" in pattern else 1)]


def split_pair(pair: str) -> tuple[str, str | None]:
    image, _, mask = pair.partition(" > ")
    return image, mask or None


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(tmp_path: Path, name: str) -> None:
    layout = LAYOUTS[name]
    sides: dict[Side, tuple[str, ...]] = {
        "train": layout.train, "validation": layout.validation, "test": layout.test
    }  # fmt: skip
    wanted = {side: dict(split_pair(pair) for pair in spread(patterns)) for side, patterns in sides.items()}
    files = [path for side in wanted.values() for pair in side.items() for path in pair if path]
    make_tree(tmp_path, [*files, *spread(layout.unread)])
    source = find(tmp_path)
    assert {side: pairs(tmp_path, source.side(side)) for side in sides} == wanted
    assert sorted(path.relative_to(tmp_path).as_posix() for path in source.unread) == sorted(spread(layout.unread))
    for side in sides:
        names = [item.name for item in source.side(side)]
        assert len(set(names)) == len(names)
    assert source.layout and "\n" not in source.layout and not source.is_course
