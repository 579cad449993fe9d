//! Traditional characters that are usual in names, addresses and company names, with their simplified forms.
//!
//! A short table on purpose: it decides whether two ways of writing a name are equal, not how to write one. Characters it
//! does not list are equal to themselves alone.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Pairs, traditional then simplified.
const PAIRS: &str = "\
    亞亚佈布來来俠侠倫伦偉伟傑杰備备傳传債债億亿儀仪優优兒儿內内兩两別别剛刚創创劉刘劍剑劑剂勁劲動动務务勝胜勞劳勢势勳勋\
    勵励勸劝區区協协華华單单衛卫廠厂參参員员問问啟启喚唤喪丧喬乔嚴严國国圍围園园圓圆圖图團团場场塊块堅坚報报塵尘墊垫壓压\
    壘垒壽寿夢梦夾夹奧奥奪夺婁娄媽妈嫻娴孫孙學学寧宁實实審审寫写寬宽寶宝將将專专尋寻對对導导屆届層层岡冈島岛峽峡崗岗嶺岭\
    嶽岳幣币帥帅師师帶带幹干幾几庫库廂厢廈厦廣广廬庐張张強强彈弹彎弯彥彦後后徑径從从復复徵征徹彻恆恒恥耻悅悦慶庆\
    憂忧憑凭憲宪應应懷怀戰战戲戏戶户拋抛揚扬換换損损搖摇摯挚撐撑擁拥擇择擊击擔担據据擴扩擺摆攜携敵敌數数斬斩斷断時时晉晋\
    暢畅暫暂曄晔曆历曉晓會会東东條条業业極极榮荣構构樂乐樓楼標标樣样樹树橋桥機机橫横檢检權权歐欧歡欢歲岁歷历歸归殺杀殼壳\
    毀毁毆殴氣气汙污決决沖冲沒没況况浹浃湯汤溝沟滅灭溫温滙汇滬沪滯滞滿满漁渔漢汉潔洁潤润澤泽濟济濤涛濱滨瀟潇灣湾烏乌無无\
    煉炼煙烟煒炜熱热燁烨燈灯燒烧營营爐炉爭争爺爷爾尔牆墙牽牵犧牺狀状獅狮獎奖獨独獲获獻献瑋玮瑤瑶瑩莹環环璽玺瓊琼產产畢毕\
    當当疇畴療疗發发盜盗監监盤盘盧卢眾众睜睁矚瞩確确碼码礎础礦矿禮礼禪禅禎祯種种稱称穀谷積积穎颖穩稳穫获窮穷競竞筆笔\
    節节範范築筑簡简籌筹糧粮糾纠紀纪約约紅红紋纹納纳純纯紙纸級级紛纷細细紹绍終终組组結结絕绝給给統统絲丝經经綠绿維维綱纲\
    網网綺绮緊紧線线緣缘編编緯纬縣县總总績绩織织繩绳繪绘繫系繼继續续纖纤罰罚羅罗義义習习翹翘聖圣聯联聰聪聲声職职\
    聽听肅肃腦脑膽胆臉脸臨临臺台與与興兴舉举舊旧艙舱艦舰艷艳莊庄莖茎萊莱萬万葉叶葦苇蓋盖蓮莲蔣蒋蔥葱蕭萧薩萨薈荟藍蓝藝艺\
    藥药蘇苏蘭兰蘿萝處处號号蝦虾衆众術术衝冲補补裝装製制複复襲袭見见規规視视親亲覺觉覽览觀观訂订計计討讨訊讯記记許许訪访\
    設设証证評评詞词試试詩诗話话該该詳详誌志認认誠诚語语誤误說说課课調调談谈請请諒谅論论諾诺謀谋謙谦講讲謝谢證证識识譚谭\
    譜谱譯译議议護护譽誉讀读變变讓让豐丰豬猪貝贝財财貢贡貨货販贩貫贯責责貴贵買买貸贷費费貿贸賀贺資资賈贾賓宾賞赏賢贤賣卖\
    質质賴赖購购賽赛贈赠贏赢贛赣趙赵趕赶跡迹踐践躍跃車车軍军軒轩軟软較较載载輝辉輛辆輪轮輯辑輸输轉转辦办農农這这連连進进\
    運运過过達达違违遙遥遠远適适選选遷迁遼辽還还邁迈邊边郵邮鄉乡鄒邹鄔邬鄧邓鄭郑鄰邻醫医釀酿釋释針针釣钓鈞钧鈴铃鉅巨銀银\
    銅铜銘铭銳锐銷销鋁铝鋒锋鋼钢錄录錢钱錦锦錫锡鍋锅鍵键鍾钟鎮镇鎖锁鏡镜鐘钟鐵铁鑑鉴長长門门閃闪閉闭開开閑闲間间閣阁\
    閩闽閱阅閻阎闆板關关陝陕陣阵陰阴陳陈陸陆陽阳隊队階阶際际隨随險险隱隐雋隽雖虽雙双雜杂雞鸡離离難难雲云電电靈灵靜静韋韦\
    韓韩響响頁页項项順顺須须預预領领頭头頻频題题額额顏颜願愿類类顧顾顯显風风飛飞飯饭飲饮飾饰養养餘余館馆馬马馮冯馳驰\
    駐驻駱骆駿骏騎骑騰腾驅驱驗验驚惊驛驿體体髮发魚鱼魯鲁鮑鲍鮮鲜鯨鲸鳥鸟鳳凤鳴鸣鴻鸿鵬鹏鶴鹤鷹鹰鹽盐麗丽麥麦麵面黃黄\
    點点黨党齊齐齋斋齡龄龍龙龐庞龔龚";

static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let mut characters = PAIRS.chars();
    std::iter::from_fn(|| Some((characters.next()?, characters.next()?))).collect()
});

/// Whether a character is a Han character of the basic blocks.
pub(crate) fn is_han(character: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&character)
}

/// The simplified form of a character, or itself.
pub(crate) fn simplified(character: char) -> char {
    if !is_han(character) {
        return character;
    }
    SIMPLIFIED.get(&character).copied().unwrap_or(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_made_of_pairs() {
        assert_eq!(PAIRS.chars().count() % 2, 0);
        assert!(PAIRS.chars().all(|character| ('\u{4e00}'..='\u{9fff}').contains(&character)));
        for (traditional, expected) in
            [('陳', '陈'), ('龔', '龚'), ('亞', '亚'), ('文', '文'), ('陈', '陈'), ('銀', '银'), ('A', 'A')]
        {
            assert_eq!(simplified(traditional), expected);
        }
    }

    #[test]
    fn no_simplified_form_is_changed_again() {
        for (at, character) in PAIRS.chars().enumerate() {
            if at % 2 == 1 {
                assert_eq!(simplified(character), character, "{character}");
            }
        }
    }
}
